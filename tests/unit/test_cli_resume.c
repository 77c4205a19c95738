#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/cli_part.h"
#include "tools/cli_resume.h"

static struct resume sample(void)
{
    struct resume r;

    assert_int_equal(resume_new(&r), HUFU_OK);
    r.input = (struct resume_input){ 1000, 2, 3, 4 };
    r.in_at = 1000;
    r.line = 17;
    r.out_at = 18;
    r.rows = 19;
    r.done = true;
    (void)snprintf(r.settings, sizeof(r.settings), "%s", "{\"a\":\"b\"}");
    return r;
}

static void test_resume_reads_what_it_prints(void **state)
{
    struct resume r = sample(), again = { 0 }, other;
    struct buf text;

    (void)state;
    assert_int_equal(strlen(r.run), RESUME_RUN_LEN);
    assert_int_equal(resume_new(&other), HUFU_OK);
    assert_string_not_equal(r.run, other.run);
    buf_init(&text, RESUME_FILE_MAX);
    resume_print(&r, &text);
    assert_int_equal(buf_check(&text), HUFU_OK);
    assert_int_equal(resume_parse(buf_view(&text), &again), HUFU_OK);
    assert_string_equal(again.run, r.run);
    assert_string_equal(again.settings, r.settings);
    assert_true(resume_same_input(&again.input, &r.input));
    assert_int_equal(again.in_at, 1000);
    assert_int_equal(again.line, 17);
    assert_int_equal(again.out_at, 18);
    assert_int_equal(again.rows, 19);
    assert_true(again.done);
    /* every part that is cut off is missed */
    for (size_t len = 0; len < text.len; len++) {
        again = (struct resume){ .rows = 5 };
        assert_int_equal(resume_parse(view_of(text.p, len), &again), HUFU_SYNTAX);
        assert_int_equal(again.rows, 5);
    }
    buf_done(&text);
}

static void test_resume_refuses_impossible_states(void **state)
{
    struct resume r = sample(), out;
    struct buf text;

    (void)state;
    buf_init(&text, RESUME_FILE_MAX);
    r.in_at = r.input.size + 1; /* behind the input's end */
    resume_print(&r, &text);
    assert_int_equal(resume_parse(buf_view(&text), &out), HUFU_SYNTAX);
    buf_reset(&text);
    r = sample();
    r.line = 0;
    resume_print(&r, &text);
    assert_int_equal(resume_parse(buf_view(&text), &out), HUFU_SYNTAX);
    buf_done(&text);
}

static void test_resume_sees_each_change_of_the_input(void **state)
{
    const struct resume_input a = { 1, 2, 3, 4 };
    struct resume_input b = a;

    (void)state;
    assert_true(resume_same_input(&a, &b));
    b.size++;
    assert_false(resume_same_input(&a, &b));
    b = a;
    b.inode++;
    assert_false(resume_same_input(&a, &b));
    b = a;
    b.changed_s++;
    assert_false(resume_same_input(&a, &b));
    b = a;
    b.changed_ns++;
    assert_false(resume_same_input(&a, &b));
}

static void path_in(char out[static 128], const char *folder, const char *name)
{
    (void)snprintf(out, 128, "%s/%s", folder, name);
}

static void test_resume_file_is_ours_alone(void **state)
{
    char folder[] = "/tmp/hufu-unit-XXXXXX", path[128], link[128];
    struct resume r = sample(), out = { 0 };
    struct stat st;

    (void)state;
    assert_non_null(mkdtemp(folder));
    path_in(path, folder, "x.resume");
    path_in(link, folder, "link");
    assert_int_equal(resume_load(path, &out), HUFU_NOT_FOUND);
    assert_int_equal(resume_save(path, &r), HUFU_OK);
    assert_int_equal(resume_save(path, &r), HUFU_OK);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(resume_load(path, &out), HUFU_OK);
    assert_string_equal(out.run, r.run);
    assert_int_equal(symlink(path, link), 0);
    assert_int_equal(resume_load(link, &out), HUFU_IO);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(resume_load(path, &out), HUFU_SYNTAX);
    (void)unlink(link);
    (void)unlink(path);
    assert_int_equal(resume_save("/nonexistent/x.resume", &r), HUFU_IO);
    assert_int_equal(rmdir(folder), 0); /* no draft is left */
}

static void test_part_is_cut_and_renamed(void **state)
{
    char folder[] = "/tmp/hufu-unit-XXXXXX", path[128], text[64] = "";
    struct part p, other;
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(folder));
    path_in(path, folder, "out.csv");
    assert_int_equal(part_init(&p, path), HUFU_OK);
    assert_int_equal(part_open(&p), HUFU_OK);
    assert_int_equal(part_init(&other, path), HUFU_OK);
    assert_int_equal(part_open(&other), HUFU_BUSY);
    assert_int_equal(part_cut(&p, 0, 0), HUFU_OK);
    assert_int_equal(part_put(&p, view_str("one,two,")), HUFU_OK);
    assert_int_equal(part_put_errors(&p, view_str("")), HUFU_OK);
    assert_int_equal(access(p.errors, F_OK), -1);
    assert_int_equal(part_put_errors(&p, view_str("1,1,x\n")), HUFU_OK);
    assert_int_equal(part_sync(&p), HUFU_OK);
    assert_int_equal(part_cut(&p, 9, 0), HUFU_CORRUPT);
    assert_int_equal(part_cut(&p, 4, p.errors_at + 1), HUFU_CORRUPT);
    assert_int_equal(part_cut(&p, 4, p.errors_at), HUFU_OK);
    assert_int_equal(part_put(&p, view_str("2")), HUFU_OK);
    assert_int_equal(part_finish(&p), HUFU_OK);
    assert_int_equal(part_finish(&p), HUFU_OK); /* once more after a break */
    part_close(&p);
    file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    assert_string_equal(text, "one,2");
    (void)fclose(file);
    (void)unlink(p.errors);
    (void)unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume_reads_what_it_prints),
        cmocka_unit_test(test_resume_refuses_impossible_states),
        cmocka_unit_test(test_resume_sees_each_change_of_the_input),
        cmocka_unit_test(test_resume_file_is_ours_alone),
        cmocka_unit_test(test_part_is_cut_and_renamed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
