/* import.c - `./dev bench import`: JSON lines of about 150 bytes through `protobase import --key`.
 *
 * import [--json] [--records N] [--folder DIR]. Prints the rate end to end (process start to exit,
 * every batch durable) and the peak memory of the program; half and whole N show that time is
 * linear. */
#include "bench.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
    bool json;
    uint64_t records;
    const char *folder;
    char program[PATH_MAX];
} options;

static void write_lines(const char *file, uint64_t records)
{
    static const char *const cities[] = {"Lisbon", "Buenos Aires", "Oslo", "Kyoto", "Nairobi"};
    FILE *out = fopen(file, "w");
    if (out == NULL) {
        bench_fail("cannot write %s", file);
    }
    for (uint64_t i = 0; i < records; i++) {
        uint64_t hash = bench_hash(i);
        (void)fprintf(out,
                      "{\"id\": %llu, \"name\": \"customer %08llx\", \"city\": \"%s\", "
                      "\"amount\": %llu.%02llu, \"active\": %s, \"tags\": [\"t%llu\", \"t%llu\"], "
                      "\"since\": %llu}\n",
                      (unsigned long long)i, (unsigned long long)(hash & 0xffffffffu),
                      cities[hash % 5], (unsigned long long)(hash % 10000),
                      (unsigned long long)(hash % 100), hash % 2 == 0 ? "true" : "false",
                      (unsigned long long)(hash % 17), (unsigned long long)(hash % 23),
                      (unsigned long long)(1600000000 + hash % 100000000));
    }
    if (fclose(out) != 0) {
        bench_fail("cannot write %s", file);
    }
}

static void run_import(const options *wanted, const char *lines, uint64_t records)
{
    char data[PATH_MAX];
    struct rusage usage;
    int status = 0;
    (void)snprintf(data, sizeof data, "%s/data", wanted->folder);
    bench_remove_folder(data);
    double began = bench_seconds();
    pid_t child = fork();
    if (child == 0) {
        (void)freopen("/dev/null", "w", stderr); /* progress lines */
        (void)freopen("/dev/null", "w", stdout);
        (void)execl(wanted->program, wanted->program, "--data", data, "import", "people", lines,
                    "--key", "id", "--batch", "10000", (char *)NULL);
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child || status != 0) {
        bench_fail("%s import failed with status %d", wanted->program, status);
    }
    double seconds = bench_seconds() - began;
    bench_figure rate = {"import", "jsonl_key_sync", "protobase", (double)records / seconds, "1/s",
                         true,     records};
    bench_figure peak = {"import", "peak_memory", "protobase", (double)usage.ru_maxrss / 1024,
                         "MiB",    false,         records};
    bench_print(&rate, wanted->json);
    bench_print(&peak, wanted->json);
    bench_remove_folder(data);
}

static options parse(int argc, char **argv)
{
    options wanted = {.records = 1000000};
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    if (length < 0) {
        bench_fail("cannot tell where this program lies");
    }
    self[length] = '\0';
    (void)snprintf(wanted.program, sizeof wanted.program, "%s/../bin/protobase", dirname(self));
    for (int i = 1; i < argc; i++) {
        bool has_value = i + 1 < argc;
        if (strcmp(argv[i], "--json") == 0) {
            wanted.json = true;
        } else if (strcmp(argv[i], "--records") == 0 && has_value) {
            wanted.records = strtoull(argv[++i], NULL, 10);
        } else if (strcmp(argv[i], "--folder") == 0 && has_value) {
            wanted.folder = argv[++i];
        } else {
            bench_fail("usage: import [--json] [--records N] [--folder DIR]");
        }
    }
    return wanted;
}

int main(int argc, char **argv)
{
    options wanted = parse(argc, argv);
    char lines[PATH_MAX];
    wanted.folder = bench_work_folder(wanted.folder, "import");
    (void)snprintf(lines, sizeof lines, "%s/people.jsonl", wanted.folder);
    write_lines(lines, wanted.records / 2);
    run_import(&wanted, lines, wanted.records / 2);
    write_lines(lines, wanted.records);
    run_import(&wanted, lines, wanted.records);
    bench_remove_folder(wanted.folder);
    return 0;
}
