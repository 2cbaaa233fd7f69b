// Step 3, errors: the client says so when the server is gone.

#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 8192, // bytes; a line has to fit
};

struct server {
    int fd;
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
    struct server s = {.fd = connect_to(host, port)};
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = read_console(&line, &size)) > 0) {
        if (write_all(s.fd, line, length) < 0)
            err(1, "write");
        if (!print_line(&s))
            errx(1, "the server is gone");
    }
    free(line);
    return 0;
}
