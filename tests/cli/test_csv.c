/* test_csv.c - CSV in and out: RFC 4180, types of cells, columns, rejects, places. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli_case.h"

#include <stdio.h>
#include <string.h>

static void expect_export(cli_case *run, const char *name, const char *text)
{
    CLI(run, "export", name);
    cli_case_expect_out(run, text);
}

static void cells_get_their_types(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    run.input = "a,b,c,d\r\n"
                "1,-2.5e3,true,null\r\n"
                "\"1\",\"true\",\"null\",\"\"\r\n"
                "007,1 , 1,nan\r\n"
                "99999999999999999999,\"[1,{\"\"x\"\":null}]\",{},\"{no json\"\r\n"
                ",\"{\"\"$bytes\"\":\"\"AAE=\"\"}\",yes,0x1\r\n";

    CLI(&run, "import", "l", "-", "--format", "csv");

    cli_case_expect(&run, 0, "");
    expect_export(
        &run, "l",
        "{\"a\":1,\"b\":-2500.0,\"c\":true,\"d\":null}\n"
        "{\"a\":\"1\",\"b\":\"true\",\"c\":\"null\",\"d\":\"\"}\n"
        "{\"a\":\"007\",\"b\":\"1 \",\"c\":\" 1\",\"d\":\"nan\"}\n"
        "{\"a\":\"99999999999999999999\",\"b\":[1,{\"x\":null}],\"c\":{},\"d\":\"{no json\"}\n"
        "{\"b\":{\"$bytes\":\"AAE=\"},\"c\":\"yes\",\"d\":\"0x1\"}\n");
    cli_case_end(&run);
}

static void cells_are_strings_or_json_when_asked_for(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    cli_case_write(&run, "t.csv", "a,b\n1,\n");
    CLI(&run, "import", "text", "t.csv", "--format", "csv", "--cells", "text");
    cli_case_expect(&run, 0, "");
    expect_export(&run, "text", "{\"a\":\"1\",\"b\":\"\"}\n");

    cli_case_write(&run, "j.csv", "a,b\n\"\"\"1\"\"\",[]\n,7\n");
    CLI(&run, "import", "json", "j.csv", "--format", "csv", "--cells", "json");
    cli_case_expect(&run, 0, "");
    expect_export(&run, "json", "{\"a\":\"1\",\"b\":[]}\n{\"b\":7}\n");

    cli_case_write(&run, "bad.csv", "a,b\n1,two\n");
    CLI(&run, "import", "no", "bad.csv", "--format", "csv", "--cells", "json");
    cli_case_expect(&run, 15, "bad.csv: line 2 column 3");
    cli_case_end(&run);
}

static void quotes_line_ends_and_a_byte_order_mark_are_read_as_the_rfc_says(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    run.input = "\xef\xbb\xbfid,\"the \"\"text\"\"\"\r\n"
                "1,\"a,b\r\nc \"\"d\"\"\"\r\n"
                "\r\n"
                "2,plain\n"
                "3,\"last\"";

    CLI(&run, "import", "d", "-", "--format", "csv", "--key", "id");

    cli_case_expect(&run, 0, "");
    expect_export(&run, "d",
                  "{\"id\":1,\"the \\\"text\\\"\":\"a,b\\r\\nc \\\"d\\\"\"}\n"
                  "{\"id\":2,\"the \\\"text\\\"\":\"plain\"}\n"
                  "{\"id\":3,\"the \\\"text\\\"\":\"last\"}\n");
    cli_case_end(&run);
}

static void a_record_of_one_cell_may_be_an_empty_line(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    run.input = "a\n1\n\n\"\"\n";
    CLI(&run, "import", "l", "-", "--format", "csv");
    cli_case_expect(&run, 0, "");
    expect_export(&run, "l", "{\"a\":1}\n{}\n{\"a\":\"\"}\n");
    cli_case_end(&run);
}

static void what_is_malformed_is_refused_with_its_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *place;
    } cases[] = {
        {"a,b\n1\n", "line 2 column 1"},
        {"a,b\n1,2,3\n", "line 2 column 5"},
        {"a,b\n1,x\"y\n", "line 2 column 4"},
        {"a,b\n1,\"x\"y\n", "line 2 column 6"},
        {"a,b\n\"\xc3\xa9\xc3\xa9\",\"x\"y\n", "line 2 column 9"},
        {"a,b\n1,\"x\n\ny\"z,\n", "line 4 column 3"},
        {"a,b\n1,2\n3,\"never closed\n4,5\n", "line 3 column 3"},
        {"a,b\n1,2\r3\n", "line 2 column 4"},
        {"a,b,a\n", "line 1 column 5"},
        {"a,b\n1,\xff\n", "line 2 column 3"},
        {"a,\"b\n", "line 1 column 3"},
        {"", "is empty"},
    };
    cli_case run;
    cli_case_begin(&run);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        run.input = cases[i].text;
        CLI(&run, "--memory", "import", "l", "-", "--format", "csv");
        cli_case_expect(&run, 15, cases[i].place);
    }
    cli_case_end(&run);
}

static void rejects_are_csv_again_with_their_reasons_beside_them(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    cli_case_write(&run, "in.csv",
                   "id,n\r\n1,a\r\n2,x\"y\r\n,nokey\r\n3,\"multi\r\nline\",too,many\r\n4,d\r\n");

    CLI(&run, "import", "d", "in.csv", "--format", "csv", "--key", "id", "--rejects", "bad.csv");

    cli_case_expect(&run, 15, "3 rows were rejected; 2 went in");
    cli_case_expect(&run, 15, "'bad.csv.reasons'");
    assert_non_null(strstr(run.out, "3 rejected"));
    assert_string_equal(cli_case_read(&run, "bad.csv"),
                        "id,n\r\n2,x\"y\r\n,nokey\r\n3,\"multi\r\nline\",too,many\r\n");
    const char *reasons = cli_case_read(&run, "bad.csv.reasons");
    assert_non_null(strstr(reasons, "{\"line\":3,\"column\":4,\"code\":\"INVALID\""));
    assert_non_null(strstr(reasons, "\n{\"line\":4,\"column\":1,\"code\":\"INVALID\""));
    assert_non_null(strstr(reasons, "\n{\"line\":6,\"column\":7,\"code\":\"INVALID\""));
    expect_export(&run, "d", "{\"id\":1,\"n\":\"a\"}\n{\"id\":4,\"n\":\"d\"}\n");
    cli_case_end(&run);
}

/* Documents of different shapes with every kind of value. */
static const char mixed[] =
    "{\"a\":1,\"b\":\"x,y\"}\n"
    "{\"b\":\"say \\\"hi\\\"\\r\\nthere\",\"c\":null}\n"
    "{\"a\":1.0,\"c\":true,\"d\":[1,{\"e\":\"f\"}]}\n"
    "{\"a\":\"1\",\"b\":\"\",\"c\":\"null\",\"d\":\"tr\xc3\xbc\x65\"}\n"
    "{\"a\":-0.0,\"b\":{\"$time\":\"2026-01-31T12:00:00.000000001Z\"},\"c\":{\"$float\":\"nan\"}}\n"
    "{\"a\":9223372036854775807,\"b\":{\"$bytes\":\"AAE=\"},\"d\":{\"$vec\":[0.5,-1.0]}}\n";

static void what_goes_out_as_csv_comes_in_as_it_was(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    run.input = mixed;
    CLI(&run, "import", "l", "-");
    CLI(&run, "export", "l", "--format", "csv");
    cli_case_expect(&run, 0, "");
    assert_int_equal(strncmp(run.out, "a,b,c,d\r\n1,\"x,y\",,\r\n", 20), 0);
    cli_case_write(&run, "out.csv", run.out);

    CLI(&run, "import", "again", "out.csv", "--format", "csv");
    cli_case_expect(&run, 0, "");
    expect_export(&run, "again", mixed);

    run.input = "{\"s\":\"[1]\",\"t\":\"{}\"}\n"; /* strings that look like lists and maps */
    CLI(&run, "import", "odd", "-");
    CLI(&run, "export", "odd", "--format", "csv", "--cells", "json");
    cli_case_write(&run, "odd.csv", run.out);
    CLI(&run, "import", "odd2", "odd.csv", "--format", "csv", "--cells", "json");
    expect_export(&run, "odd2", "{\"s\":\"[1]\",\"t\":\"{}\"}\n");
    cli_case_end(&run);
}

static void columns_can_be_chosen_and_keys_and_scalars_have_one(void **state)
{
    (void)state;
    cli_case run;
    cli_case_begin(&run);
    run.input = "{\"id\":2,\"n\":\"b\"}\n{\"id\":1,\"n\":\"a\",\"more\":0}\n";
    CLI(&run, "import", "d", "-", "--key", "id");
    CLI(&run, "export", "d", "--format", "csv", "--columns", "n,none");
    cli_case_expect_out(&run, "n,none\r\na,\r\nb,\r\n");
    CLI(&run, "export", "d", "--format", "csv", "--columns", "n", "--keys");
    cli_case_expect_out(&run, "key,n\r\n1,a\r\n2,b\r\n");
    run.input = "1\n\"x\"\n";
    CLI(&run, "import", "s", "-", "--type", "set");
    CLI(&run, "export", "s", "--format", "csv");
    cli_case_expect_out(&run, "value\r\n1\r\nx\r\n");
    run.input = "{\"key\":1}\n";
    CLI(&run, "import", "k", "-");
    CLI(&run, "export", "k", "--format", "csv", "--keys");
    cli_case_expect(&run, 15, "'key'");
    CLI(&run, "export", "d", "--columns", "n");
    cli_case_expect(&run, 2, "--format csv");
    cli_case_end(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_get_their_types),
        cmocka_unit_test(cells_are_strings_or_json_when_asked_for),
        cmocka_unit_test(quotes_line_ends_and_a_byte_order_mark_are_read_as_the_rfc_says),
        cmocka_unit_test(a_record_of_one_cell_may_be_an_empty_line),
        cmocka_unit_test(what_is_malformed_is_refused_with_its_place),
        cmocka_unit_test(rejects_are_csv_again_with_their_reasons_beside_them),
        cmocka_unit_test(what_goes_out_as_csv_comes_in_as_it_was),
        cmocka_unit_test(columns_can_be_chosen_and_keys_and_scalars_have_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
