// Steps 1 and 2: the client sends a line and prints the line that comes back.

#include <err.h>
#include <netdb.h>
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

// Reads once, behind what is left of an unfinished line. Returns what read()
// does, and so 0 at the end of the stream, or if the buffer has no room.
static ssize_t receive(struct server *s)
{
    s->end -= s->start;
    memmove(s->buffer, s->buffer + s->start, s->end);
    s->start = 0;
    char *room = s->buffer + s->end;
    ssize_t n = read(s->fd, room, s->buffer + BUFFER_SIZE - room);
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

// Waits for one line from the server and prints it.
static void print_line(struct server *s)
{
    char *line;
    while ((line = next_line(s)) == NULL)
        receive(s);
    printf("Message from server: %s\n", line);
}

// Asks for a line and reads it as getline(3) does. Returns its length with the
// newline, which is added if it lacks one, or 0 or less at the end of input.
static ssize_t read_console(char **line, size_t *size)
{
    printf("Text to send: ");
    fflush(stdout);
    ssize_t length = getline(line, size, stdin);
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
    check_port(port);
    struct server s = {.fd = connect_to(host, port)};
    char *line = NULL;
    size_t size = 0;
    ssize_t length;
    while ((length = read_console(&line, &size)) > 0) {
        send(s.fd, line, length, 0);
        print_line(&s);
    }
    free(line);
    return 0;
}
