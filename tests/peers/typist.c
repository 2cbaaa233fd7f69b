// Types at step 7's client, on a terminal of its own, and is its server, too.
// After each key, message or change of the window it compares the screen with
// what should be there, and each line that is entered with what arrives.
//
//   typist CLIENT COUNT [SEED]   COUNT keys and messages; the seed is printed
//
// What should be there is worked out once more, in other words, and shown to a
// second terminal. The client draws the row of the typed line once for each
// key, so that one knows when it is done.

#define _GNU_SOURCE // wcwidth()

#include <arpa/inet.h>
#include <limits.h>
#include <locale.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

#include "pty.h"
#include "terminal.h"

enum {
    LIFETIME = 120, // s
    PATIENCE = 10000, // ms
    MIN_WIDTH = 10, // columns
    MAX_WIDTH = 200,
    MAX_BYTES = 250, // of a line
    MAX_BACK = 32, // lines, that can be recalled
    MAX_MESSAGE = 150, // characters
    PROMPT = 14, // characters
    INDENT = 4, // columns
    JOINER = 0x200d,
    EMOJI_STYLE = 0xfe0f,
    BYTE = 0xdf00, // plus a byte that is no character
};

struct line {
    int length; // characters, with the prompt
    int cursor;
    wchar_t text[PROMPT + MAX_BYTES + 1];
};

static struct {
    struct pty pty;
    int server; // the connection to the client
    struct terminal screen; // what there is
    struct terminal wanted; // what there should be
    char *left; // the rows that their cursors have left
    char *wanted_left;
    size_t left_size;
    size_t wanted_left_size;
    const char *doing; // for whoever reads that something is wrong
    struct line line;
    int entered; // lines until now
    int number; // of the one that is edited
    struct line lines[MAX_BACK + 1]; // by number % (MAX_BACK + 1)
} desk;

static const struct line no_line = {PROMPT, PROMPT, L"Text to send: "};

// These are as wide for each libc. The last two steer terminals.
static const wchar_t letters[] =
    L"abcdefghijkl   0123 ->>éЖя漢字かな한글😀🎉❤א\x301\x200d\xfe0f\x85\x202e";

static int pick(int count)
{
    return (int)(random() % count);
}

static wchar_t pick_letter(void)
{
    return letters[pick((int)wcslen(letters))];
}

static bool is_unsafe(wchar_t c)
{
    return c == 0x85 || c == 0x202e || (c & ~0xff) == BYTE;
}

// How the client shows c, and how many columns it reckons with.
static int spell(wchar_t c, wchar_t *shown)
{
    bool byte = (c & ~0xff) == BYTE;
    if (is_unsafe(c))
        return swprintf(shown, 8, byte ? L"\\x%02x" : L"\\u%04x",
                        byte ? (unsigned)c & 0xff : (unsigned)c);
    shown[0] = c;
    shown[1] = L'\0';
    return c == EMOJI_STYLE ? 1 : wcwidth(c);
}

static void want(const wchar_t *text)
{
    for (; *text != L'\0'; text++)
        terminal_show(&desk.wanted, *text);
}

// Prompt and line from start to end, as far as the row has room.
static void want_part(int start, int end)
{
    int room = desk.wanted.columns - 1;
    wchar_t shown[8];
    want(L"\r");
    for (int i = start; i < end; i++) {
        room -= spell(desk.line.text[i], shown);
        if (room < 0)
            return;
        want(shown);
    }
}

// The row of the typed line: its last part that fits into the row, of all that
// is before the cursor and a little behind it.
static void want_row(void)
{
    int room = desk.wanted.columns - 1;
    int last = desk.line.cursor + room / 8;
    if (last > desk.line.length)
        last = desk.line.length;
    int start = last;
    wchar_t shown[8];
    for (int sum = 0; start > 0; start--) {
        sum += spell(desk.line.text[start - 1], shown);
        if (sum > room)
            break;
    }
    want_part(start, desk.line.length);
    want(L"\033[K");
    want_part(start, desk.line.cursor);
}

// A line above the typed one, in as many rows as it takes.
static void want_above(const wchar_t *text, int length)
{
    int column = 0;
    wchar_t shown[8];
    want(L"\r\033[K");
    for (int i = 0; i < length; i++) {
        bool tab = text[i] == L'\t';
        int columns = tab ? TAB_SIZE : spell(text[i], shown);
        if (tab)
            wcscpy(shown, L"\t");
        if (column + columns > desk.wanted.columns) {
            want(L"\r\n    ");
            column = INDENT;
        }
        want(shown);
        column += tab ? TAB_SIZE - column % TAB_SIZE : columns;
    }
    want(L"\r\n");
}

// The screen is wrong, or there will be none.
static _Noreturn void complain(const char *what)
{
    printf("the row, the cursor at %d, %d drawn, %d bells:\n",
           desk.screen.column, desk.screen.clears, desk.screen.bells);
    print_cursor_row(&desk.screen, stdout);
    printf("wanted, the cursor at %d, %d drawn, %d bells:\n",
           desk.wanted.column, desk.wanted.clears, desk.wanted.bells);
    print_cursor_row(&desk.wanted, stdout);
    printf("%zu rows above, wanted %zu; %d columns\n", desk.screen.rows,
           desk.wanted.rows, desk.wanted.columns);
    fflush(stdout);
    errx(1, "%s: %s", desk.doing, what);
}

static void look(void)
{
    static mbstate_t state;
    char bytes[4096];
    struct pollfd screen = {.fd = desk.pty.master, .events = POLLIN};
    if (poll(&screen, 1, PATIENCE) == 0)
        complain("the screen stays wrong");
    ssize_t n = read(desk.pty.master, bytes, sizeof(bytes));
    if (n <= 0)
        complain("the client has ended");
    for (ssize_t i = 0; i < n; i++) {
        wchar_t c;
        size_t size = mbrtowc(&c, bytes + i, 1, &state);
        if (size == (size_t)-1)
            complain("it is no UTF-8");
        if (size <= 1)
            terminal_show(&desk.screen, c);
    }
}

// The rows that were left are compared when there is nothing else to wait for,
// and then forgotten.
static bool is_right(void)
{
    const struct terminal *a = &desk.screen;
    const struct terminal *b = &desk.wanted;
    if (a->rows != b->rows || a->clears != b->clears ||
        a->column != b->column || a->bells != b->bells)
        return false;
    for (int i = 0; i < a->columns; i++)
        if (wcscmp(a->row[i], b->row[i]) != 0)
            return false;
    fflush(a->left);
    fflush(b->left);
    bool same = desk.left_size == desk.wanted_left_size &&
                memcmp(desk.left, desk.wanted_left, desk.left_size) == 0;
    if (!same)
        printf("rows:\n%swanted:\n%s", desk.left, desk.wanted_left);
    rewind(a->left);
    rewind(b->left);
    return same;
}

static void check_screen(void)
{
    while (!is_right())
        look();
    if (desk.screen.wraps > 0)
        complain("a row was longer than the window is wide");
}

// Now and then in pieces, as over a slow line.
static void type(const char *bytes, size_t length)
{
    size_t piece = pick(4) == 0 ? 1 : length;
    for (; length > 0; bytes += piece, length -= piece) {
        if (write(desk.pty.master, bytes, piece) != (ssize_t)piece)
            err(1, "%s: write", desk.doing);
        int unread = 1;
        while (piece == 1 && unread > 0)
            if (ioctl(desk.pty.slave, FIONREAD, &unread) < 0)
                err(1, "FIONREAD");
    }
}

static size_t encode(const wchar_t *text, int length, char *bytes)
{
    size_t size = 0;
    mbstate_t state = {0};
    for (int i = 0; i < length; i++) {
        if ((text[i] & ~0xff) == BYTE)
            bytes[size++] = (char)text[i];
        else
            size += wcrtomb(bytes + size, text[i], &state);
    }
    return size;
}

static void insert(wchar_t c)
{
    struct line *line = &desk.line;
    char bytes[PROMPT + MAX_BYTES + MB_LEN_MAX];
    size_t size = encode(line->text, line->length, bytes);
    if ((c & ~0xff) == BYTE ||
        size + encode(&c, 1, bytes) > PROMPT + MAX_BYTES) {
        want(L"\a");
        return;
    }
    for (int i = line->length++; i > line->cursor; i--)
        line->text[i] = line->text[i - 1];
    line->text[line->cursor++] = c == L'\t' ? L' ' : c;
}

static void cut(int from, int to)
{
    struct line *line = &desk.line;
    for (int i = to; i < line->length; i++)
        line->text[from + i - to] = line->text[i];
    line->length -= to - from;
    line->cursor = from;
}

static bool is_stop(int at)
{
    wchar_t c = desk.line.text[at];
    return at == PROMPT || at == desk.line.length ||
           (c != EMOJI_STYLE && (is_unsafe(c) || wcwidth(c) != 0) &&
            desk.line.text[at - 1] != JOINER);
}

static int stop_before(int at)
{
    while (at > PROMPT && !is_stop(--at))
        ;
    return at;
}

static int stop_behind(int at)
{
    while (at < desk.line.length && !is_stop(++at))
        ;
    return at;
}

static int word_before(int at)
{
    while (at > PROMPT && desk.line.text[at - 1] == L' ')
        at--;
    while (at > PROMPT && desk.line.text[at - 1] != L' ')
        at--;
    return at;
}

static void recall(int number)
{
    if (number < 0 || number > desk.entered ||
        number < desk.entered - MAX_BACK)
        return;
    desk.lines[desk.number % (MAX_BACK + 1)] = desk.line;
    desk.line = desk.lines[number % (MAX_BACK + 1)];
    desk.line.cursor = desk.line.length;
    desk.number = number;
}

static void press_letter(void)
{
    wchar_t c = pick(60) == 0 ? L'\t' : pick_letter();
    if (pick(60) == 0)
        c = BYTE + 0x80 + pick(0x40); // which begins no character
    char bytes[MB_LEN_MAX];
    desk.doing = "a letter";
    insert(c);
    type(bytes, encode(&c, 1, bytes));
}

// Keys that do something, and what they send.
static const struct key {
    char name;
    const char *sent[6];
} keys[] = {
    {'A', {"\001", "\033[H", "\033OH", "\033[1~", "\033[7~"}},
    {'B', {"\002", "\033[D", "\033OD", "\033[1;5D"}},
    {'B', {"\002", "\033[D", "\033OD", "\033[1;5D"}},
    {'E', {"\005", "\033[F", "\033OF", "\033[4~", "\033[8~"}},
    {'F', {"\006", "\033[C", "\033OC", "\033[1;2C"}},
    {'F', {"\006", "\033[C", "\033OC", "\033[1;2C"}},
    {'H', {"\177", "\b"}},
    {'d', {"\033[3~", "\033[3;5~"}},
    {'D', {"\004"}},
    {'K', {"\013"}},
    {'U', {"\025"}},
    {'W', {"\027"}},
    {'P', {"\020", "\033[A", "\033OA"}},
    {'N', {"\016", "\033[B", "\033OB"}},
    {' ', {"\033x", "\033é", "\033[24~", "\033[200~", "\033[[A", "\033OP"}},
    {' ', {"\007", "\014", "\026", "\037", "\021", "\023"}},
};

static void apply(char name)
{
    struct line *line = &desk.line;
    int at = line->cursor;
    if (name == 'A')
        line->cursor = PROMPT;
    if (name == 'B')
        line->cursor = stop_before(at);
    if (name == 'E')
        line->cursor = line->length;
    if (name == 'F')
        line->cursor = stop_behind(at);
    if (name == 'H')
        cut(stop_before(at), at);
    if (name == 'D' || name == 'd')
        cut(at, stop_behind(at));
    if (name == 'K')
        cut(at, line->length);
    if (name == 'U')
        cut(PROMPT, at);
    if (name == 'W')
        cut(word_before(at), at);
    if (name == 'P')
        recall(desk.number - 1);
    if (name == 'N')
        recall(desk.number + 1);
}

static void press_key(void)
{
    const struct key *key = &keys[pick(sizeof(keys) / sizeof(*keys))];
    const char *sent;
    do {
        sent = key->sent[pick(6)];
    } while (sent == NULL);
    if (key->name == 'D' && desk.line.length == PROMPT)
        return; // the client would end
    desk.doing = sent + (sent[0] == '\033');
    apply(key->name);
    type(sent, strlen(sent));
}

static void check_line(const char *wanted, size_t length)
{
    char got[MAX_BYTES + 1];
    int now = 1; // else the next line may have to wait for that
    setsockopt(desk.server, IPPROTO_TCP, TCP_QUICKACK, &now, sizeof(now));
    for (size_t n = 0; n < length;) {
        ssize_t more = recv(desk.server, got + n, length - n, 0);
        if (more <= 0)
            err(1, "the line does not arrive");
        n += more;
    }
    if (memcmp(got, wanted, length) != 0)
        errx(1, "sent: %.*s, wanted: %.*s", (int)length, got, (int)length,
             wanted);
}

static void press_enter(void)
{
    struct line *line = &desk.line;
    desk.doing = "Enter";
    type("\n", 1);
    if (line->length == PROMPT)
        return;
    char bytes[MAX_BYTES + 1];
    size_t size = encode(line->text + PROMPT, line->length - PROMPT, bytes);
    bytes[size++] = '\n';
    want_above(line->text, line->length);
    desk.lines[desk.entered++ % (MAX_BACK + 1)] = *line;
    desk.number = desk.entered;
    *line = no_line;
    want_row();
    check_line(bytes, size);
}

static void send_message(void)
{
    wchar_t text[MAX_MESSAGE];
    char bytes[MAX_MESSAGE * MB_LEN_MAX + 1];
    int length = pick(MAX_MESSAGE);
    for (int i = 0; i < length; i++) {
        text[i] = pick_letter();
        if (pick(20) == 0)
            text[i] = L'\t';
        if (pick(20) == 0) // a control, or a byte that is no UTF-8
            text[i] = BYTE + (pick(2) == 0 ? 1 + pick(8) : 0xf8 + pick(8));
    }
    if (pick(4) == 0) // it fills the row, or almost
        for (int i = 0; i < length; i++)
            text[i] = i < desk.wanted.columns - 2 + pick(4) ? L' ' : L'x';
    size_t size = encode(text, length, bytes);
    bytes[size++] = '\n';
    desk.doing = "a message";
    want_above(text, length);
    if (send(desk.server, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
        err(1, "send");
}

static void change_window(void)
{
    int width = MIN_WIDTH + pick(MAX_WIDTH - MIN_WIDTH + 1);
    if (width == desk.screen.columns)
        return;
    struct winsize window = {.ws_row = 24, .ws_col = (unsigned short)width};
    desk.doing = "another window";
    desk.screen.columns = desk.wanted.columns = width;
    want(L"\r\033[K");
    if (ioctl(desk.pty.master, TIOCSWINSZ, &window) < 0)
        err(1, "TIOCSWINSZ");
}

static void do_something(void)
{
    int what = pick(100);
    if (what < 50)
        press_letter();
    else if (what < 85)
        press_key();
    else if (what < 88)
        press_enter();
    else if (what < 95)
        send_message();
    else
        change_window();
}

static void sit_down(char *client)
{
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    if (listener < 0 ||
        bind(listener, (struct sockaddr *)&address, size) < 0 ||
        listen(listener, 1) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        err(1, "listen");
    char port[8];
    sprintf(port, "%d", ntohs(address.sin_port));
    char *argv[] = {client, (char[]){"127.0.0.1"}, port, NULL};
    struct winsize window = {.ws_row = 24, .ws_col = 80};
    desk.pty = start_on_pty(&window, argv);
    desk.server = accept(listener, NULL, NULL);
    int now = 1; // for a message not to wait for the one before
    if (desk.server < 0 || setsockopt(desk.server, IPPROTO_TCP, TCP_NODELAY,
                                      &now, sizeof(now)) < 0)
        err(1, "accept");
    desk.screen.columns = desk.wanted.columns = window.ws_col;
    desk.screen.left = open_memstream(&desk.left, &desk.left_size);
    desk.wanted.left =
        open_memstream(&desk.wanted_left, &desk.wanted_left_size);
    desk.line = no_line;
    desk.doing = "the start";
    want_row();
    check_screen();
}

// The end of the input, on an empty line.
static void stand_up(void)
{
    type("\005\025\004", 3);
    char byte;
    if (recv(desk.server, &byte, 1, 0) != 0)
        errx(1, "the client sends more than lines");
    close(desk.server);
    int status;
    if (waitpid(desk.pty.pid, &status, 0) < 0 || status != 0)
        errx(1, "the client ends with status %d", status);
    if (!is_restored(&desk.pty))
        errx(1, "the terminal is not as it was");
}

int main(int argc, char **argv)
{
    if (argc < 3)
        errx(1, "usage: typist client count [seed]");
    alarm(LIFETIME);
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        setlocale(LC_CTYPE, "");
    int count = atoi(argv[2]);
    unsigned seed = argc > 3 ? (unsigned)strtoul(argv[3], NULL, 10)
                             : (unsigned)time(NULL) ^ (unsigned)getpid();
    printf("seed %u\n", seed);
    fflush(stdout);
    srandom(seed);
    sit_down(argv[1]);
    for (int i = 0; i < count; i++) {
        desk.doing = NULL;
        do_something();
        if (desk.doing != NULL) {
            want_row();
            check_screen();
        }
    }
    stand_up();
    printf("%d lines entered\n", desk.entered);
    return 0;
}
