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

// Reads once into the free part of the buffer. Returns what read() does: the
// number of bytes; 0 at the end of the stream, or if the buffer has no room;
// -1 on an error.
static ssize_t receive(struct server *s)
{
    ssize_t n = read(s->fd, s->buffer + s->end, BUFFER_SIZE - s->end);
    if (n < 0 && errno == EINTR)
        return receive(s);
    if (n < 0)
        warn("read");
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
    if (newline == NULL) {
        s->end -= s->start;
        s->start = 0;
        memmove(s->buffer, line, s->end);
        return NULL;
    }
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

// Asks for a line and reads it into *line, *size bytes that the caller frees
// (getline(3)). Returns its length with the newline, which is added if the
// input ends without one, or 0 or less at the end of the input.
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
    s->lost = channel_close(&s->channel);
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
    struct server s = {
        .fd = connect_to(host, port),
        .channel = {.lock = PTHREAD_MUTEX_INITIALIZER,
                    .not_full = PTHREAD_COND_INITIALIZER,
                    .not_empty = PTHREAD_COND_INITIALIZER},
    };
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
