// Step 6, async: the client sends and prints at the same time.

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 8192, // bytes; a line has to fit
    CHANNEL_SIZE = 16, // lines
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

// Reads once, behind what is left of an unfinished line. Returns what read()
// does, and so 0 at the end of the stream, or if the buffer has no room.
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
        warn("read");
        s->lost = true;
    }
    if (n > 0)
        s->end += n;
    return n;
}

// Takes the next whole line out of the buffer. TCP is a stream: a line may
// come in pieces, and several may come at once. Returns it without its
// newline, valid until the next receive(), or NULL when there is none yet.
static char *next_line(struct server *s)
{
    char *line = s->buffer + s->start;
    char *newline = memchr(line, '\n', s->end - s->start);
    if (newline == NULL)
        return NULL;
    s->start = newline + 1 - s->buffer;
    *newline = '\0';
    return line;
}

// Waits for one line from the server and prints it. Returns false when none
// will come any more.
static bool print_line(struct server *s)
{
    char *line;
    while ((line = next_line(s)) == NULL)
        if (receive(s) <= 0)
            return false;
    printf("Message from server: %s\n", line);
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

// Asks for a line and reads it as getline(3) does. Returns its length with the
// newline, which is added if it lacks one, or 0 or less at the end of input.
static ssize_t read_console(char **line, size_t *size)
{
    printf("Text to send: ");
    fflush(stdout);
    ssize_t length = getline(line, size, stdin);
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
        if (!channel_send(ch, (struct line){text, length}))
            break;
        text = NULL; // it is the channel's now
    }
    free(text);
    channel_close(ch);
    return NULL;
}

static void *socket_thread(void *arg)
{
    struct server *s = arg;
    while (print_line(s))
        ;
    if (channel_close(&s->channel))
        s->lost = true;
    shutdown(s->fd, SHUT_RDWR); // ends a write() that waits for the server
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
    check_port(port);
    // A write to a closed connection is then an error, not a deadly signal.
    signal(SIGPIPE, SIG_IGN);
    // A line shows at once, also when stdout is a pipe or a file.
    setvbuf(stdout, NULL, _IOLBF, 0);
    struct server s = {
        .fd = connect_to(host, port),
        .channel = {.lock = PTHREAD_MUTEX_INITIALIZER,
                    .not_full = PTHREAD_COND_INITIALIZER,
                    .not_empty = PTHREAD_COND_INITIALIZER},
    };
    // The console thread comes last: from then on exit() may wait for stdin.
    pthread_t socket_id = start_thread(socket_thread, &s);
    pthread_t console_id = start_thread(console_thread, &s.channel);
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
    pthread_join(socket_id, NULL);
    if (!written || s.lost) {
        warnx("the server is gone");
        _exit(1); // not exit(): the console thread may hold stdin
    }
    pthread_join(console_id, NULL);
    return 0;
}
