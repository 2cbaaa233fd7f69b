// Feeds step 7's client with whatever a server may send and whatever a user
// may type, and looks at what it prints: no terminal may obey any of it, no
// row is wider than the window, and the typed line stays sound. `make fuzz`
// runs it; by hand it is built and started as server.c says.
//
// The first byte of an input is the width of the window, the second says who
// speaks: the server, in pieces as long as that byte says, or the user. Where
// that is odd, stdout is no terminal.

#define _GNU_SOURCE // as the client has it

#include <err.h>
#include <errno.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
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

enum {
    ROOMY = 12, // columns: less may be too few for one character, indented
};

static struct {
    const uint8_t *data;
    size_t size;
    size_t piece;
    unsigned short width;
} input;

static ssize_t play_read(void *data, size_t size)
{
    if (size > input.piece && input.piece > 0)
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
    return console.taken ? 0 : -1;
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

// To a terminal the client sends "\r", CSI K and the bell, too. Returns how
// many rows begin that do not go on with the one before.
static int check_output(const char *p, const char *end)
{
    int width = input.width > 0 ? input.width : 80;
    int columns = 0;
    int rows = 0;
    while (p < end) {
        wchar_t c;
        size_t size = mbrtowc(&c, p, end - p, &(mbstate_t){0});
        require(size > 0 && size <= (size_t)(end - p), "it is UTF-8", p);
        bool clears = strncmp(p, "\033[K", 3) == 0;
        bool steers = c == L'\r' || c == L'\a' || clears;
        if (c == L'\n')
            rows += strncmp(p, "\n    ", 5) != 0;
        else
            require(is_harmless(c) || (steers && console.taken),
                    "it is harmless", p);
        if (c == L'\n' || c == L'\r')
            columns = 0;
        else if (c == L'\t')
            columns += TAB - columns % TAB;
        else if (!steers)
            columns += wcwidth(c);
        require(columns <= width || width < ROOMY || !console.taken,
                "it fits into the row", p);
        p += clears ? 3 : size;
    }
    return rows;
}

static void check_row(void)
{
    require(console.cursor >= PROMPT &&
                console.cursor <= wcslen(console.row) &&
                wcsncmp(console.row, L"Text to send: ", PROMPT) == 0 &&
                wcstombs(NULL, console.row, 0) <= PROMPT + MAX_LINE,
            "the row is sound", "");
}

static void type(void)
{
    char *line = NULL;
    ssize_t length;
    while ((length = get_row(&line)) > 0) {
        require(length > 1 && length <= MAX_LINE + 1 &&
                    strlen(line) == (size_t)length && line[length - 1] == '\n',
                "the line is sound", line);
        for (const char *p = line; p < line + length - 1; p++)
            require((unsigned char)*p >= ' ', "it has no controls", line);
        free(line);
        check_row();
    }
    check_row();
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
    console.row[PROMPT] = L'\0';
    console.cursor = PROMPT;
    console.entered = console.number = 0;
    input.width = data[0];
    input.piece = data[1];
    input.data = data + 2;
    input.size = size - 2;
    console.taken = input.piece % 2 == 0;
    char *printed;
    size_t length;
    FILE *screen = stdout;
    stdout = open_memstream(&printed, &length);
    int lines = 0;
    if (input.piece == 0)
        type();
    else
        while (print_line(&s))
            lines++;
    fclose(stdout);
    stdout = screen;
    int rows = check_output(printed, printed + length);
    require(input.piece == 0 || rows <= lines, "each line is one", printed);
    free(printed);
    return 0;
}
