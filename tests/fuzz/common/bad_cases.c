/* Reads tests/cases/bad, for seeds: what must be refused, and is one step away from what is taken.
 */
#include "target.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASE_BYTES_MAX (1u << 16)

/* Sections are headed by lines "=== NAME"; before the first one is a comment. */
static void take_case(struct text file, struct bad_case *taker) {
    const char *end = file.data + file.length, *head = memmem(file.data, file.length, "\n=== ", 5);
    while (head) {
        struct text name = {.data = head + 5}, content;
        const char *line_end = memchr(name.data, '\n', (size_t)(end - name.data));
        if (!line_end)
            break;
        name.length = (size_t)(line_end - name.data);
        head = memmem(line_end, (size_t)(end - line_end), "\n=== ", 5);
        content = (struct text){line_end + 1, (size_t)((head ? head + 1 : end) - line_end - 1)};
        if (head == line_end) /* the section is empty */
            content.length = 0;
        if (!text_is(name, "says"))
            taker->take(taker, name, content);
    }
    taker->end(taker);
}

void bad_cases(const char *root, const char *door, struct bad_case *taker) {
    static char bytes[CASE_BYTES_MAX];
    char pattern[4096];
    glob_t found;
    snprintf(pattern, sizeof pattern, "%s/tests/cases/bad/%s/*.case", root, door);
    property(glob(pattern, 0, NULL, &found) == 0, "%s", pattern);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        FILE *file = fopen(found.gl_pathv[i], "rb");
        property(file, "%s", found.gl_pathv[i]);
        take_case((struct text){bytes, fread(bytes, 1, sizeof bytes, file)}, taker);
        fclose(file);
    }
    globfree(&found);
}
