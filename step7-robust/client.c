// Step 7, robust: no input harms the screen, the typed line or the program.
#define _GNU_SOURCE // wcwidth()

#include <err.h>
#include <errno.h>
#include <locale.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
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
    BUFFER_SIZE = 8192, // bytes; a line has to fit
    CHANNEL_SIZE = 16, // lines
    MAX_LINE = 250, // bytes, without the newline
    SHOWN_SIZE = 16, // bytes: one character, safe to print
    ESCAPE = 0x1b, // these are keys
    DELETE = 0x7f,
    CTRL_D = 'D' & 0x1f,
    CTRL_U = 'U' & 0x1f,
    CTRL_W = 'W' & 0x1f,
};

struct line {
    char *text; // not terminated; freed by whoever takes it out of the channel
    size_t length;
};

// A queue between two threads, as Go's channels are: to send waits while it is
// full, to receive while it is empty. A thread that waits sleeps until the
// condition is signalled; nobody polls.
struct channel {
    pthread_mutex_t lock;
    pthread_cond_t not_full;
    pthread_cond_t not_empty;
    bool closed;
    size_t first;
    size_t count;
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

static const char prompt[] = "Text to send: ";

// The line that is being typed.
static struct {
    pthread_mutex_t lock; // for what follows, and for stdout
    atomic_bool terminal; // stdin and stdout are one; we edit the line
    struct termios saved;
    char sequence; // the last key of an escape sequence that is not over, or 0
    size_t length;
    char line[MAX_LINE + 2]; // one more shows that it is too long; the newline
} console = {.lock = PTHREAD_MUTEX_INITIALIZER};

// Returns text as a number from min to max, or ends the program; name is what
// the user knows it by.
static long parse_argument(const char *name, const char *text, long min,
                           long max)
{
    size_t digits = strspn(text, "0123456789");
    long number = strtol(text, NULL, 10);
    if (digits == 0 || text[digits] != '\0' || number < min || number > max)
        errx(1, "%s %s: expected a number from %ld to %ld", name, text, min,
             max);
    return number;
}

// Returns a socket that is connected to host and port. A name may have several
// addresses (localhost: ::1 and 127.0.0.1); the first that answers is taken.
// Ends the program when none does.
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
            freeaddrinfo(addresses);
            // In the place of stdout it would be sent what we print.
            if (fd <= STDERR_FILENO)
                errx(1, "stdin, stdout or stderr is closed");
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

// Clears the row of the typed line, for something else to be printed there.
static void hide_console(void)
{
    if (console.terminal)
        fputs("\r\033[K", stdout);
}

static void restore_terminal(void)
{
    tcsetattr(STDIN_FILENO, TCSANOW, &console.saved);
}

static void close_terminal(void)
{
    pthread_mutex_lock(&console.lock);
    hide_console();
    fflush(stdout);
    if (console.terminal)
        restore_terminal();
    console.terminal = false;
    pthread_mutex_unlock(&console.lock);
}

static void die(int signal_number)
{
    restore_terminal();
    raise(signal_number); // which kills when we return: SA_RESETHAND
}

// If stdin and stdout are a terminal: it no longer echoes and edits the line,
// but passes on each key. It is as before when the program ends, however.
static void open_terminal(void)
{
    if (!isatty(STDOUT_FILENO) || tcgetattr(STDIN_FILENO, &console.saved) < 0)
        return;
    atexit(restore_terminal);
    struct sigaction action = {.sa_handler = die, .sa_flags = SA_RESETHAND};
    sigaction(SIGHUP, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGQUIT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct termios raw = console.saved;
    raw.c_lflag &= ~(ICANON | ECHO | IEXTEN);
    raw.c_iflag &= ~IXON;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VSUSP] = _POSIX_VDISABLE; // stopped, it would stay like this
    console.terminal = tcsetattr(STDIN_FILENO, TCSADRAIN, &raw) == 0;
}

// Reads once into the free part of the buffer. Returns what read() does: the
// number of bytes; 0 at the end of the stream, or if the buffer has no room;
// -1 on an error.
static ssize_t receive(struct server *s)
{
    ssize_t n = read(s->fd, s->buffer + s->end, BUFFER_SIZE - s->end);
    if (n < 0 && errno == EINTR)
        return receive(s);
    if (n < 0) {
        close_terminal();
        warn("read");
        s->lost = true;
    }
    if (n > 0)
        s->end += n;
    return n;
}

// Takes the next whole line out of the buffer. TCP is a stream: a line may
// come in pieces, and several may come at once. Returns it without its
// newline, valid until the next receive(), or NULL when there is none yet. A
// line that does not fit into the buffer is returned in pieces.
static char *next_line(struct server *s, size_t *length)
{
    char *line = s->buffer + s->start;
    char *newline = memchr(line, '\n', s->end - s->start);
    if (newline == NULL) {
        s->end -= s->start;
        s->start = 0;
        memmove(s->buffer, line, s->end);
        if (s->end < BUFFER_SIZE)
            return NULL;
        *length = s->start = s->end;
        return s->buffer;
    }
    s->start = newline + 1 - s->buffer;
    *length = newline - line;
    return line;
}

// Terminals may obey these (CWE-150): C0 controls, DEL, C1 controls, line
// separators, and what changes the direction of writing.
static bool is_unsafe(wchar_t c)
{
    return (c < ' ' && c != '\t') || (c >= 0x7f && c <= 0x9f) || c == 0x61c ||
           c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069);
}

// Writes the first character of text to shown, escaped if it is unsafe or no
// UTF-8, and to *columns how wide that is. Returns its size in text.
static size_t show_character(const char *text, size_t length, char *shown,
                             int *columns)
{
    wchar_t c;
    size_t size = mbrtowc(&c, text, length, &(mbstate_t){0});
    if (size > length || c > 0x10ffff) { // no UTF-8
        *columns = snprintf(shown, SHOWN_SIZE, "\\x%02x", *text & 0xff);
        return 1;
    }
    if (size == 0) // '\0'
        size = 1;
    if (is_unsafe(c)) {
        const char *format = c < 0x80 ? "\\x%02x" : "\\u%04x";
        *columns = snprintf(shown, SHOWN_SIZE, format, (unsigned)c);
    } else {
        *(char *)mempcpy(shown, text, size) = '\0';
        *columns = wcwidth(c) < 0 ? 1 : wcwidth(c);
    }
    return size;
}

// Prints text, if print is set, and returns how many columns it takes.
static int show_text(const char *text, size_t length, bool print)
{
    int sum = 0;
    while (length > 0) {
        char shown[SHOWN_SIZE];
        int columns;
        size_t size = show_character(text, length, shown, &columns);
        if (print)
            fputs(shown, stdout);
        sum += columns;
        text += size;
        length -= size;
    }
    return sum;
}

// Prints the typed line, or only the end of it that fits into the row.
static void show_console(bool whole)
{
    if (console.terminal) {
        struct winsize window = {0};
        ioctl(STDOUT_FILENO, TIOCGWINSZ, &window);
        int row = window.ws_col > 0 ? window.ws_col : 80;
        int room = whole ? BUFFER_SIZE : row - (int)sizeof(prompt);
        const char *text = console.line;
        const char *end = text + console.length;
        char shown[SHOWN_SIZE];
        int sum = show_text(text, end - text, false);
        for (int first; text < end && sum > room; sum -= first)
            text += show_character(text, end - text, shown, &first);
        hide_console();
        printf("%.*s", row - 1, prompt);
        show_text(text, end - text, true);
    }
    if (fflush(stdout) == EOF || ferror(stdout))
        err(1, "stdout");
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
    pthread_mutex_lock(&console.lock);
    hide_console();
    show_text(line, length, true);
    putchar('\n');
    show_console(false);
    pthread_mutex_unlock(&console.lock);
    return true;
}

// Takes over line's text. Returns false when the channel is closed.
static bool channel_send(struct channel *ch, struct line line)
{
    pthread_mutex_lock(&ch->lock);
    while (ch->count == CHANNEL_SIZE && !ch->closed)
        pthread_cond_wait(&ch->not_full, &ch->lock);
    bool sent = !ch->closed;
    if (sent) {
        ch->lines[(ch->first + ch->count++) % CHANNEL_SIZE] = line;
        pthread_cond_signal(&ch->not_empty);
    }
    pthread_mutex_unlock(&ch->lock);
    return sent;
}

// Returns false when the channel is closed and nothing is left in it.
static bool channel_receive(struct channel *ch, struct line *line)
{
    pthread_mutex_lock(&ch->lock);
    while (ch->count == 0 && !ch->closed)
        pthread_cond_wait(&ch->not_empty, &ch->lock);
    bool received = ch->count > 0;
    if (received) {
        *line = ch->lines[ch->first];
        ch->first = (ch->first + 1) % CHANNEL_SIZE;
        ch->count--;
        pthread_cond_signal(&ch->not_full);
    }
    pthread_mutex_unlock(&ch->lock);
    return received;
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

// Arrow and function keys send ESC, '[' or 'O', and bytes up to one from '@'
// on (ECMA-48, 5.4). Returns whether key is part of that.
static bool skip_sequence(char key)
{
    char before = console.sequence;
    console.sequence = 0;
    if (key == ESCAPE || (before == ESCAPE && (key == '[' || key == 'O')))
        console.sequence = key;
    else if (before == 0 || before == ESCAPE || key < ' ' || key > '~')
        return false;
    else if (key < '@' || key == '[')
        console.sequence = before;
    return true;
}

static void edit(char key)
{
    const char *line = console.line;
    size_t n = console.length;
    if (skip_sequence(key))
        return;
    if (key == DELETE || key == '\b') {
        while (n > 0 && (line[--n] & 0xc0) == 0x80)
            ; // another byte of the same character (UTF-8)
    } else if (key == CTRL_U) {
        n = 0;
    } else if (key == CTRL_W) {
        while (n > 0 && line[n - 1] == ' ')
            n--;
        while (n > 0 && line[n - 1] != ' ')
            n--;
    } else if (((unsigned char)key >= ' ' || key == '\t') && n <= MAX_LINE) {
        console.line[n++] = key == '\t' ? ' ' : key;
    }
    console.length = n;
}

// Is to the terminal what getline(3) is to a file.
static ssize_t edit_line(char **line, size_t *size)
{
    char key = 0;
    while (key != '\n') {
        pthread_mutex_lock(&console.lock);
        edit(key);
        show_console(false);
        pthread_mutex_unlock(&console.lock);
        ssize_t n = read(STDIN_FILENO, &key, 1);
        if (n < 0 && errno == EINTR)
            key = 0;
        else if (n <= 0 || (key == CTRL_D && console.length == 0))
            return 0;
    }
    pthread_mutex_lock(&console.lock);
    show_console(true);
    putchar('\n');
    console.line[console.length++] = '\n';
    free(*line);
    *line = strndup(console.line, console.length);
    if (*line == NULL)
        err(1, "strndup");
    *size = console.length;
    console.length = 0;
    pthread_mutex_unlock(&console.lock);
    return *size;
}

// Asks for a line and reads it into *line, *size bytes that the caller frees
// (getline(3)). Returns its length with the newline, which is added if the
// input ends without one, or 0 or less at the end of the input.
static ssize_t read_console(char **line, size_t *size)
{
    ssize_t length =
        console.terminal ? edit_line(line, size) : getline(line, size, stdin);
    if (length < 0 && !feof(stdin))
        err(1, "stdin");
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
            fprintf(stderr, "error: message is longer than %d bytes\n",
                    MAX_LINE);
            continue;
        }
        if (!channel_send(ch, (struct line){text, length}))
            break;
        text = NULL; // it is the channel's now
    }
    free(text);
    close_terminal();
    channel_close(ch);
    return NULL;
}

static void *socket_thread(void *arg)
{
    struct server *s = arg;
    while (print_line(s))
        ;
    close_terminal();
    if (channel_close(&s->channel))
        s->lost = true;
    return NULL;
}

static pthread_t start_thread(void *(*run)(void *), void *arg)
{
    pthread_t thread;
    errno = pthread_create(&thread, NULL, run, arg);
    if (errno != 0)
        err(1, "pthread_create");
    return thread;
}

int main(int argc, char **argv)
{
    if (argc > 3)
        errx(1, "usage: client [host [port]]");
    const char *host = argc > 1 ? argv[1] : "127.0.0.1";
    const char *port = argc > 2 ? argv[2] : "8081";
    parse_argument("port", port, 0, 65535);
    // A write to a closed connection is then an error, not a deadly signal.
    signal(SIGPIPE, SIG_IGN);
    // A line shows at once, also when stdout is a pipe or a file.
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        setlocale(LC_CTYPE, "");
    struct server s = {
        .fd = connect_to(host, port),
        .channel = {.lock = PTHREAD_MUTEX_INITIALIZER,
                    .not_full = PTHREAD_COND_INITIALIZER,
                    .not_empty = PTHREAD_COND_INITIALIZER},
    };
    open_terminal();
    pthread_t typist = start_thread(console_thread, &s.channel);
    pthread_t reader = start_thread(socket_thread, &s);
    struct line line;
    bool written = true;
    while (written && channel_receive(&s.channel, &line)) {
        written = write_all(s.fd, line.text, line.length) == 0;
        if (!written)
            warn("write");
        free(line.text);
    }
    // A half-close: the server learns that this was all, and still answers.
    shutdown(s.fd, SHUT_WR);
    pthread_join(reader, NULL);
    if (!written || s.lost) {
        warnx("the server is gone");
        // Not exit(): it may wait for stdin, which the console thread holds.
        _exit(1);
    }
    pthread_join(typist, NULL);
    return 0;
}
