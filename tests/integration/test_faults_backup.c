/* test_faults_backup.c - backups and restores, with every call below them made to fail (fault_scene.h).
 * A failure leaves no backup, no space, and the space that was copied as it was. */
#include "fault_scene.h"

#include <protobase/backup.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define SMALL "storage.journal_segment_size=64KiB"

static char folder[64];
static char target[64];

static const pbase_os *os_of(fault_scene *s)
{
    return sim_os_interface(s->sim);
}

/* Another one each time, so that nothing is there already. */
static void name_places(fault_scene *s)
{
    static unsigned times;
    (void)s;
    (void)snprintf(folder, sizeof folder, "/backups%u", ++times);
    (void)snprintf(target, sizeof target, "/restored%u", times);
}

static pbase_status back_up(pbase_space *space, bool is_increment, pbase_error *err)
{
    pbase_backup_options options = PBASE_BACKUP_OPTIONS_INIT;
    pbase_backup_report report;
    options.folder = folder;
    options.is_increment = is_increment;
    return pbase_backup(space, &options, NULL, &report, err);
}

static pbase_status full(fault_scene *s, pbase_error *err)
{
    return back_up(s->fixture.space, false, err);
}

/* A full backup, and something that it lacks. */
static void make_full(fault_scene *s)
{
    name_places(s);
    assert_int_equal(full(s, NULL), PBASE_OK);
    assert_int_equal(fixture_put_one(&s->fixture, "dict", 5, (int64_t)s->round), PBASE_OK);
}

static pbase_status increment(fault_scene *s, pbase_error *err)
{
    return back_up(s->fixture.space, true, err);
}

static pbase_status check(fault_scene *s, pbase_error *err)
{
    pbase_backup_source source = {.path = folder};
    pbase_restore_options options = PBASE_RESTORE_OPTIONS_INIT;
    pbase_restore_report report;
    options.check_only = true;
    options.os = os_of(s);
    return pbase_restore(NULL, &source, 1, &options, NULL, &report, err);
}

/* What is called a backup is one. */
static void is_sound(fault_scene *s)
{
    assert_int_equal(check(s, NULL), PBASE_OK);
}

static void make_chain(fault_scene *s)
{
    make_full(s);
    assert_int_equal(increment(s, NULL), PBASE_OK);
}

static pbase_status restore(fault_scene *s, pbase_error *err)
{
    space_fixture restored;
    pbase_restore_report report;
    pbase_backup_source source = {.path = folder};
    fixture_prepare(&restored, target, os_of(s));
    fixture_set(&restored, SMALL);
    fixture_set(&restored, "storage.blocks.segment_size=64KiB");
    pbase_status status = pbase_restore(&restored.source, &source, 1, NULL, NULL, &report, err);
    if (status == PBASE_OK) {
        s->digest += report.sequence + report.records;
    }
    return status;
}

/* It is a space. Opening it costs much: now and then. */
static void is_restored(fault_scene *s)
{
    static unsigned times;
    space_fixture restored;
    if (times++ % 8 != 0) {
        return;
    }
    fixture_prepare(&restored, target, os_of(s));
    fixture_set(&restored, SMALL);
    fixture_set(&restored, "storage.blocks.segment_size=64KiB");
    restored.options.must_exist = true;
    fixture_open(&restored);
    assert_true(fixture_count(&restored, "dict") >= 300);
    fixture_close(&restored);
}

static const fault_scenario scenarios[] = {
    {.name = "backup_full",
     .functions = "pbase_backup",
     .place = FAULT_IN_SPACE,
     .given = name_places,
     .when = full,
     .then = is_sound,
     .commits = true, /* nothing; but what is compared leaves what it looked up with the state */
     .sets = {SMALL}},
    {.name = "backup_increment",
     .functions = "pbase_backup",
     .place = FAULT_IN_SPACE,
     .given = make_full,
     .when = increment,
     .then = is_sound,
     .commits = true,
     .sets = {SMALL}},
    {.name = "backup_check",
     .functions = "pbase_restore",
     .place = FAULT_IN_SPACE,
     .given = make_chain,
     .when = check,
     .commits = true,
     .sets = {SMALL}},
    {.name = "restore",
     .functions = "pbase_restore",
     .place = FAULT_IN_SPACE,
     .given = make_chain,
     .when = restore,
     .then = is_restored,
     .commits = true,
     .sets = {SMALL}},
};

int main(int argc, char **argv)
{
    return fault_main(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
