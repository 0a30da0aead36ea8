/* One line for each check; the exit status counts those that did not hold. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK(condition) check((condition), #condition, __LINE__)

static int check(int holds, const char *what, int line)
{
    int error = errno;
    printf("%s line %d: %s", holds ? "ok" : "NOT OK", line, what);
    if (!holds)
        printf(" (errno %d, %s)", error, strerror(error));
    printf("\n");
    failures += !holds;
    return holds;
}

static void require(int holds, const char *what, int line)
{
    if (!check(holds, what, line))
        exit(100);
}

#define REQUIRE(condition) require((condition), #condition, __LINE__)
#define FAILS(call, error) CHECK((errno = 0, (call) == -1) && errno == (error))

static int summary(void)
{
    printf("%d failures\n", failures);
    return failures > 99 ? 99 : failures;
}
