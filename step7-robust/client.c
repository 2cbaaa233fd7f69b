// Step 7, robust: no input harms the screen, the typed line or the program.
#define _GNU_SOURCE // wcwidth()

#include <err.h>
#include <errno.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

enum {
    BUFFER_SIZE = 8192, // bytes; a longer line is shown in pieces
    CHANNEL_SIZE = 16, // lines
    MAX_LINE = 250, // bytes, without the newline
    PROMPT = 14, // characters
    ROW_SIZE = PROMPT + MAX_LINE + 2, // characters, one too many, and L'\0'
    HISTORY_SIZE = 33, // rows: 32, and the one that is typed
    SHOWN_SIZE = 24, // bytes: one character, safe to print
    TAB = 8, // columns, at most
    JOINER = 0x200d, // joins the emoji before and after it
    EMOJI_STYLE = 0xfe0f, // widens what is before it, on some terminals
    NO_CHARACTER = 0xdf00, // plus a byte that is none (these are surrogates)
    CTRL = 0x1f, // 'A' & CTRL is the key Ctrl-A
    BACKSPACE = 0x7f,
    DELETE = 0x110000, // beyond Unicode
};

struct line {
    char *text; // not terminated; freed by whoever takes it out of the channel
    size_t length;
};

// A queue between two threads, as Go's channels are: to send waits while it is
// full, to receive while it is empty. A thread that waits sleeps until the
// condition is signalled; nobody polls. The counters only grow: line n is at
// n % CHANNEL_SIZE.
struct channel {
    pthread_mutex_t lock;
    pthread_cond_t not_full;
    pthread_cond_t not_empty;
    bool closed;
    size_t sent;
    size_t received;
    struct line lines[CHANNEL_SIZE];
};

struct server {
    int fd;
    bool lost; // it ended the connection, and we had not
    struct channel channel; // lines on their way to it
    size_t start; // of what next_line has not taken yet
    size_t end;
    char buffer[BUFFER_SIZE];
};

// The row in which a line is typed. The prompt is a part of it.
static struct {
    pthread_mutex_t lock; // for what follows, and for stdout
    _Atomic bool open; // we edit the line, not the terminal
    _Atomic bool taken; // the terminal is ours, and is not as it was
    struct termios saved; // how it was
    size_t cursor;
    wchar_t row[ROW_SIZE];
    size_t entered; // rows until now
    size_t number; // of this row: entered, or that of an older one
    wchar_t history[HISTORY_SIZE][ROW_SIZE]; // by number % HISTORY_SIZE
} console = {.lock = PTHREAD_MUTEX_INITIALIZER,
             .cursor = PROMPT,
             .row = L"Text to send: "};

static void check_port(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    long port = strtol(text, NULL, 10);
    if (text[digits] != '\0' || port < 1 || port > 65535)
        errx(1, "port %s: expected a number from 1 to 65535", text);
}

// Returns a socket that is connected to host and port. A name may have several
// addresses; the first that answers is taken. Ends the program if none does.
static int connect_to(const char *host, const char *port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *addresses;
    int error = getaddrinfo(host, port, &hints, &addresses);
    if (error != 0)
        errx(1, "%s: %s", host, gai_strerror(error));
    for (struct addrinfo *a = addresses; a != NULL; a = a->ai_next) {
        int fd = socket(a->ai_family, SOCK_STREAM, 0);
        if (fd < 0)
            continue;
        if (connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
            if (fd <= STDERR_FILENO) // it could get the place of stdout
                errx(1, "stdin, stdout or stderr is closed");
            freeaddrinfo(addresses);
            return fd;
        }
        close(fd);
    }
    err(1, "%s:%s", host, port);
}

// Writes all of data: one write() may take less than it is given, or be
// interrupted by a signal (write(2)). Returns 0, or -1 with errno set.
static int write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, data, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        data += n;
        length -= n;
    }
    return 0;
}

// Has the terminal pass on each key, if we are its foreground job.
static void take_terminal(void)
{
    if (tcgetpgrp(STDIN_FILENO) != getpgrp() ||
        tcgetattr(STDIN_FILENO, &console.saved) < 0)
        return;
    struct termios settings = console.saved;
    settings.c_lflag &= ~(ICANON | ECHO | IEXTEN);
    settings.c_iflag &= ~IXON;
    settings.c_cc[VMIN] = 1;
    console.taken = tcsetattr(STDIN_FILENO, TCSANOW, &settings) == 0;
}

static void restore_terminal(void)
{
    if (console.taken && tcgetpgrp(STDIN_FILENO) == getpgrp())
        tcsetattr(STDIN_FILENO, TCSANOW, &console.saved);
    console.taken = false;
}

// Not by exit(): that may wait for stdin, which the console thread may hold.
static _Noreturn void fail(const char *what)
{
    warn("%s", what);
    restore_terminal();
    _exit(1);
}

static int window_width(void)
{
    struct winsize window;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) < 0)
        return TAB * BUFFER_SIZE; // it is no terminal: as much as it takes
    return window.ws_col > 0 ? window.ws_col : 80;
}

// Writes c to shown, escaped if the locale can't print it, or if terminals may
// obey it (CWE-150). Returns how many columns that takes.
static int show(wchar_t c, char *shown)
{
    bool turns = c == 0x61c || c == 0x200e || c == 0x200f ||
                 (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
    bool byte = (c & ~0xff) == NO_CHARACTER;
    if (turns || byte || (wcwidth(c) < 0 && c != '\t'))
        return snprintf(shown, SHOWN_SIZE, byte ? "\\x%02x" : "\\u%04x",
                        (unsigned)(byte ? c & 0xff : c));
    shown[wcrtomb(shown, c, &(mbstate_t){0})] = '\0';
    return c == '\t' ? TAB : wcwidth(c) + (c == EMOJI_STYLE);
}

// Prints a line. What does not fit into the row goes to the next one,
// indented, so that it can't pass for a line of its own.
static void print_text(const char *text, size_t length)
{
    int width = window_width();
    int column = 0;
    for (size_t size; length > 0; text += size, length -= size) {
        wchar_t c;
        char shown[SHOWN_SIZE];
        size = mbrtowc(&c, text, length, &(mbstate_t){0});
        bool control = (*text & 0x60) == 0 && *text != '\t'; // C0 or C1
        if (control || size > length || c > 0x10ffff) {
            c = NO_CHARACTER + (*text & 0xff);
            size = 1;
        }
        int columns = show(c, shown);
        if (columns > width - column)
            column = printf("\n    ") - 1;
        fputs(shown, stdout);
        column += c == '\t' ? TAB - column % TAB : columns;
    }
    putchar('\n');
}

// Prints the row up to `end`. If not all of it fits, the end of it shows, but
// also the cursor: no character takes more than 8 columns.
static void print_row(size_t end)
{
    char shown[SHOWN_SIZE];
    int room = window_width() - 1; // the cursor takes a column, too
    size_t start = wcsnlen(console.row, console.cursor + room / 8);
    for (int left = room; start > 0; start--)
        if ((left -= show(console.row[start - 1], shown)) < 0)
            break;
    putchar('\r');
    while (start < end && (room -= show(console.row[start++], shown)) >= 0)
        fputs(shown, stdout);
}

// Takes the lock, and the row off the screen: what is printed is above it.
static void hide_console(void)
{
    pthread_mutex_lock(&console.lock);
    if (console.taken)
        fputs("\r\033[K", stdout);
}

static void show_console(void)
{
    if (console.taken) {
        print_row(wcslen(console.row));
        fputs("\033[K", stdout); // clears the rest
        print_row(console.cursor); // moves the cursor there
    }
    if (fflush(stdout) == EOF || ferror(stdout))
        fail("stdout");
    pthread_mutex_unlock(&console.lock);
}

static void report(const char *what)
{
    const char *reason = strerror(errno);
    hide_console();
    fflush(stdout);
    warnx("%s: %s", what, reason);
    show_console();
}

// Takes the lock, and leaves the whole row on the screen, if there is one.
static void leave_row(void)
{
    char text[ROW_SIZE] = "";
    hide_console();
    if (console.taken && console.row[PROMPT] != L'\0')
        print_text(text, wcstombs(text, console.row, sizeof(text)));
}

static void close_console(void)
{
    leave_row();
    restore_terminal();
    console.open = false;
    show_console();
}

// Reads once, behind what is left of an unfinished line. Returns what read()
// does, and so 0 at the end of the stream.
static ssize_t receive(struct server *s)
{
    s->end -= s->start;
    memmove(s->buffer, s->buffer + s->start, s->end);
    s->start = 0;
    char *room = s->buffer + s->end;
    ssize_t n = read(s->fd, room, s->buffer + BUFFER_SIZE - room);
    while (n < 0 && errno == EINTR) // a signal came meanwhile
        n = read(s->fd, room, s->buffer + BUFFER_SIZE - room);
    if (n < 0) {
        report("read");
        s->lost = true;
    }
    if (n > 0)
        s->end += n;
    return n;
}

// Takes the next whole line out of the buffer. TCP is a stream: a line may
// come in pieces, and several may come at once. Returns it without its
// newline, valid until the next receive(), or NULL when there is none yet.
static char *next_line(struct server *s, size_t *length)
{
    char *line = s->buffer + s->start;
    char *end = s->buffer + s->end;
    char *newline = memchr(line, '\n', end - line);
    if (newline == NULL && end < line + BUFFER_SIZE)
        return NULL;
    *length = (newline != NULL ? newline : end) - line;
    s->start += *length + (newline != NULL);
    return line;
}

// Waits for one line from the server and prints it. Returns false when none
// will come any more.
static bool print_line(struct server *s)
{
    char *line;
    size_t length;
    while ((line = next_line(s, &length)) == NULL)
        if (receive(s) <= 0)
            return false;
    hide_console();
    print_text(line, length);
    show_console();
    return true;
}

// Takes over line's text. Returns false when the channel is closed.
static bool channel_send(struct channel *ch, struct line line)
{
    pthread_mutex_lock(&ch->lock);
    while (ch->sent - ch->received == CHANNEL_SIZE && !ch->closed)
        pthread_cond_wait(&ch->not_full, &ch->lock);
    bool open = !ch->closed;
    if (open) {
        ch->lines[ch->sent++ % CHANNEL_SIZE] = line;
        pthread_cond_signal(&ch->not_empty);
    }
    pthread_mutex_unlock(&ch->lock);
    return open;
}

// Returns false when the channel is closed and nothing is left in it.
static bool channel_receive(struct channel *ch, struct line *line)
{
    pthread_mutex_lock(&ch->lock);
    while (ch->received == ch->sent && !ch->closed)
        pthread_cond_wait(&ch->not_empty, &ch->lock);
    bool found = ch->received != ch->sent;
    if (found) {
        *line = ch->lines[ch->received++ % CHANNEL_SIZE];
        pthread_cond_signal(&ch->not_full);
    }
    pthread_mutex_unlock(&ch->lock);
    return found;
}

// Returns whether the channel was open until now.
static bool channel_close(struct channel *ch)
{
    pthread_mutex_lock(&ch->lock);
    bool was_open = !ch->closed;
    ch->closed = true;
    pthread_cond_broadcast(&ch->not_full);
    pthread_cond_broadcast(&ch->not_empty);
    pthread_mutex_unlock(&ch->lock);
    return was_open;
}

// Waits for a character that is typed. At the end of the input that is WEOF.
static wint_t read_character(void)
{
    mbstate_t state = {0};
    for (;;) {
        char byte;
        ssize_t n;
        while ((n = read(STDIN_FILENO, &byte, 1)) < 0) {
            if (errno != EIO || tcgetpgrp(STDIN_FILENO) < 0)
                fail("stdin");
            usleep(10000); // in the background: signal_thread will stop us
        }
        if (n == 0)
            return WEOF;
        wchar_t c;
        size_t size = mbrtowc(&c, &byte, 1, &state);
        if (size != (size_t)-2) // else there is more of it
            return size > 1 ? NO_CHARACTER : c;
    }
}

// Waits for a key. Returns the character that it stands for, or 0. Cursor keys
// send ESC, '[' or 'O', a number or more, and a letter or '~' (ECMA-48, 5.4).
static wint_t read_key(void)
{
    static const wint_t keys[][2] = {
        {'A', 'P' & CTRL}, {'B', 'N' & CTRL}, {'C', 'F' & CTRL},
        {'D', 'B' & CTRL}, {'H', 'A' & CTRL}, {'F', 'E' & CTRL},
        {'1', 'A' & CTRL}, {'7', 'A' & CTRL}, {'4', 'E' & CTRL},
        {'8', 'E' & CTRL}, {'3', DELETE}};
    wint_t c = read_character();
    if (c != ('[' & CTRL))
        return c;
    while (c == ('[' & CTRL))
        c = read_character();
    if (c != '[' && c != 'O')
        return c < ' ' ? c : 0; // Alt and a character
    wint_t number = 0;
    while ((c = read_character()) >= '0' && c <= '9')
        number = number == 0 ? c : '~'; // no key of ours has two digits
    while (c >= ' ' && c < '@')
        c = read_character();
    if (c == '[')
        read_character(); // a function key of Linux's console
    for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++)
        if (keys[i][0] == (c == '~' ? number : c))
            return keys[i][1];
    return c < ' ' ? c : 0;
}

// Returns the cursor's next stop: not amid what combines or is joined.
static size_t next_stop(int step)
{
    const wchar_t *row = console.row;
    char shown[SHOWN_SIZE];
    size_t at = console.cursor;
    size_t last = step < 0 ? PROMPT : wcslen(row);
    while (at != last && (at += step) != last)
        if (show(row[at], shown) != 0 && row[at] != EMOJI_STYLE &&
            row[at - 1] != JOINER)
            break;
    return at;
}

static void cut(size_t from, size_t to)
{
    const wchar_t *rest = console.row + to;
    wmemmove(console.row + from, rest, wcslen(rest) + 1);
    console.cursor = from;
}

static void cut_word(void)
{
    size_t at = console.cursor;
    while (at > PROMPT && console.row[at - 1] == L' ')
        at--;
    while (at > PROMPT && console.row[at - 1] != L' ')
        at--;
    cut(at, console.cursor);
}

static void insert(wchar_t c)
{
    wchar_t *at = console.row + console.cursor++;
    wmemmove(at + 1, at, wcslen(at) + 1);
    *at = c;
    if (wcstombs(NULL, console.row, 0) > PROMPT + MAX_LINE) {
        cut(console.cursor - 1, console.cursor);
        putchar('\a'); // it is no character, or one too many: the bell rings
    }
}

// Goes to the row with this number, if it is one of the last.
static void recall(size_t number)
{
    if (number > console.entered || console.entered - number >= HISTORY_SIZE)
        return;
    wcscpy(console.history[console.number % HISTORY_SIZE], console.row);
    wcscpy(console.row, console.history[number % HISTORY_SIZE]);
    console.number = number;
    console.cursor = wcslen(console.row);
}

static void edit(wint_t key)
{
    if (key == ('A' & CTRL))
        console.cursor = PROMPT;
    else if (key == ('B' & CTRL))
        console.cursor = next_stop(-1);
    else if (key == ('E' & CTRL))
        console.cursor = wcslen(console.row);
    else if (key == ('F' & CTRL))
        console.cursor = next_stop(1);
    else if (key == BACKSPACE || key == '\b')
        cut(next_stop(-1), console.cursor);
    else if (key == DELETE || key == ('D' & CTRL))
        cut(console.cursor, next_stop(1));
    else if (key == ('K' & CTRL))
        cut(console.cursor, wcslen(console.row));
    else if (key == ('U' & CTRL))
        cut(PROMPT, console.cursor);
    else if (key == ('W' & CTRL))
        cut_word();
    else if (key == ('P' & CTRL))
        recall(console.number - 1);
    else if (key == ('N' & CTRL))
        recall(console.number + 1);
    else if (key >= ' ' || key == '\t')
        insert(key == '\t' ? ' ' : (wchar_t)key);
}

// Is to the terminal what getline(3) is to a file.
static ssize_t get_row(char **line)
{
    wint_t key = 0;
    do {
        pthread_mutex_lock(&console.lock);
        edit(key);
        show_console();
        key = read_key();
        if (key == WEOF ||
            (key == ('D' & CTRL) && console.row[PROMPT] == L'\0'))
            return 0;
    } while (key != '\n' || console.row[PROMPT] == L'\0');
    leave_row();
    ssize_t length = asprintf(line, "%ls\n", console.row + PROMPT);
    if (length < 0)
        fail("asprintf");
    wcscpy(console.history[console.entered++ % HISTORY_SIZE], console.row);
    console.number = console.entered;
    cut(PROMPT, wcslen(console.row));
    show_console();
    return length;
}

// Asks for a line and reads it as getline(3) does. Returns its length with the
// newline, which is added if it lacks one, or 0 or less at the end of input.
static ssize_t read_console(char **line, size_t *size)
{
    ssize_t length = console.open ? get_row(line) : getline(line, size, stdin);
    if (length < 0 && !feof(stdin))
        fail("stdin");
    if (length > 0 && (*line)[length - 1] != '\n')
        (*line)[length++] = '\n'; // in the place of the final '\0'
    return length;
}

static void *console_thread(void *arg)
{
    struct channel *ch = arg;
    char *text = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = read_console(&text, &size)) > 0) {
        if (length > MAX_LINE + 1) {
            hide_console();
            fputs("error: message is longer than 250 bytes\n", stderr);
            show_console();
        }
        if (length == 1 || length > MAX_LINE + 1)
            continue; // there is nothing to send
        if (!channel_send(ch, (struct line){text, length}))
            break;
        text = NULL; // it is the channel's now
    }
    free(text);
    close_console();
    channel_close(ch);
    return NULL;
}

static void *socket_thread(void *arg)
{
    struct server *s = arg;
    while (print_line(s))
        ;
    close_console();
    if (channel_close(&s->channel))
        s->lost = true;
    shutdown(s->fd, SHUT_RDWR); // ends a write() that waits for the server
    return NULL;
}

// Lets signals do what they do to us, with the terminal as it was.
static void *signal_thread(void *arg)
{
    int signal_number;
    while (sigwait(arg, &signal_number) == 0) {
        if (signal_number != SIGWINCH) {
            restore_terminal();
            raise(signal_number);
            pthread_sigmask(SIG_UNBLOCK, arg, NULL);
            tcdrain(STDIN_FILENO); // in the background: stops us (SIGTTOU)
            pthread_sigmask(SIG_BLOCK, arg, NULL);
        }
        hide_console();
        if (console.open && !console.taken)
            take_terminal();
        show_console();
    }
    return NULL;
}

static pthread_t start_thread(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, run, arg);
    if (errno != 0)
        fail("pthread_create");
    return thread;
}

// We edit the line if stdin and stdout are a terminal. In the background
// tcdrain() first stops us (SIGTTOU), until `fg`.
static void open_console(void)
{
    static sigset_t signals;
    setlocale(LC_CTYPE, "");
    if (!isatty(STDOUT_FILENO) || tcdrain(STDIN_FILENO) < 0)
        return;
    sigfillset(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); // in all threads to come
    take_terminal();
    console.open = console.taken;
    start_thread(signal_thread, &signals);
}

static void parse_options(int argc, char **argv)
{
    const char *usage = "usage: client [-h] [host [port]]";
    int option = getopt(argc, argv, "+h");
    if (option == 'h' && (puts(usage) == EOF || fflush(stdout) == EOF))
        fail("stdout");
    if (option != -1)
        exit(option != 'h'); // getopt() has said why
    if (argc - optind > 2)
        errx(1, "%s", usage);
}

int main(int argc, char **argv)
{
    parse_options(argc, argv);
    const char *host = argc > optind ? argv[optind] : "127.0.0.1";
    const char *port = argc > optind + 1 ? argv[optind + 1] : "8081";
    check_port(port);
    // A write to a closed connection is then an error, not a deadly signal.
    signal(SIGPIPE, SIG_IGN);
    struct server s = {
        .fd = connect_to(host, port),
        .channel = {.lock = PTHREAD_MUTEX_INITIALIZER,
                    .not_full = PTHREAD_COND_INITIALIZER,
                    .not_empty = PTHREAD_COND_INITIALIZER},
    };
    open_console();
    // The console thread comes last: from then on exit() may wait for stdin.
    pthread_t socket_id = start_thread(socket_thread, &s);
    pthread_t console_id = start_thread(console_thread, &s.channel);
    struct line line;
    bool written = true;
    while (written && channel_receive(&s.channel, &line)) {
        written = write_all(s.fd, line.text, line.length) == 0;
        if (!written)
            report("write");
        free(line.text);
    }
    // A half-close: the server learns that this was all, and still answers.
    shutdown(s.fd, SHUT_WR);
    pthread_join(socket_id, NULL);
    if (!written || s.lost) {
        warnx("the server is gone");
        _exit(1); // not exit(): the console thread may hold stdin
    }
    pthread_join(console_id, NULL);
    return 0;
}
