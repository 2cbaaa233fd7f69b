// Feeds step 7's client with whatever a server may send and whatever a user
// may type, and looks at what it prints: no terminal may obey any of it, and
// the typed line stays within its row. `make fuzz` runs it; by hand it is
// built and started as server.c says.
//
// The first byte of an input is the width of the window, the second says who
// speaks: the server, in pieces as long as that byte says, or the user.

#define _GNU_SOURCE // as the client has it

#include <err.h>
#include <errno.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>
#include <wctype.h>

static ssize_t play_read(void *data, size_t size);
static int play_ioctl(struct winsize *window);

#define main client_main
#define read(fd, data, size) play_read(data, size)
#define ioctl(fd, request, window) play_ioctl(window)

#include "../../step7-robust/client.c"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    const uint8_t *data;
    size_t size;
    size_t piece;
    unsigned short width;
} input;

static ssize_t play_read(void *data, size_t size)
{
    if (size > input.piece)
        size = input.piece;
    if (size > input.size)
        size = input.size;
    memcpy(data, input.data, size);
    input.data += size;
    input.size -= size;
    return (ssize_t)size;
}

static int play_ioctl(struct winsize *window)
{
    window->ws_col = input.width;
    return 0;
}

static void require(bool holds, const char *what, const char *where)
{
    if (holds)
        return;
    fprintf(stderr, "broken: %s; printed: %.80s\n", what, where);
    abort();
}

// What a terminal shows, and what it does not obey.
static bool is_harmless(wchar_t c)
{
    static const wchar_t steers[] =
        L"\x61c\x200e\x200f\x2028\x2029\x202a\x202b"
        L"\x202c\x202d\x202e\x2066\x2067\x2068"
        L"\x2069";
    if (c > 0x10ffff) // the last character there is
        return false;
    return c == L'\t' || (!iswcntrl(c) && wcschr(steers, c) == NULL);
}

// Returns how many columns the last row takes that the client has begun anew.
static int check_output(const char *p, const char *end)
{
    int columns = 0;
    while (p < end) {
        bool anew = strncmp(p, "\r\033[K", 4) == 0;
        wchar_t c;
        size_t size = anew ? 4 : mbrtowc(&c, p, end - p, &(mbstate_t){0});
        require(size > 0 && size <= (size_t)(end - p), "it is UTF-8", p);
        require(anew || c == L'\n' || is_harmless(c), "it is harmless", p);
        if (anew || c == L'\n')
            columns = 0;
        else
            columns += wcwidth(c) < 0 ? 1 : wcwidth(c);
        p += size;
    }
    return columns;
}

static void type(void)
{
    for (; input.size > 0; input.size--, input.data++) {
        if (*input.data == '\n')
            console.length = 0; // as edit_line does
        else
            edit((char)*input.data);
        require(console.length <= MAX_LINE + 1, "it fits", console.line);
    }
    show_console(false);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    return setlocale(LC_CTYPE, "C.UTF-8") == NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    static struct server s;
    s.start = s.end = 0;
    console.length = 0;
    console.sequence = 0;
    input.width = data[0];
    input.piece = data[1];
    input.data = data + 2;
    input.size = size - 2;
    char *printed;
    size_t length;
    FILE *screen = stdout;
    stdout = open_memstream(&printed, &length);
    // To a terminal the client says where a row begins, to a pipe it does not.
    console.terminal = input.piece % 2 == 0;
    if (input.piece == 0)
        type();
    else
        while (print_line(&s))
            ;
    fclose(stdout);
    stdout = screen;
    int columns = check_output(printed, printed + length);
    int row = input.width > 0 ? input.width : 80;
    require(!console.terminal || length == 0 || columns < row || row < 2,
            "the typed line is within its row", printed);
    free(printed);
    return 0;
}
