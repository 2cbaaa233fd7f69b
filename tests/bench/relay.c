// The floor of the bench: hands the bytes of each connection, unread, to the
// one beside it in the order of arrival (the first and the second, the third
// and the fourth). No server that looks at its messages can do less. What a
// receiver does not take is not kept: such a pair is closed.
#define _GNU_SOURCE // accept4()

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BUFFER_SIZE = 64 * 1024, // bytes
    MAX_EVENTS = 64, // in a turn of the loop, as in the servers
    MAX_FILES = 1000 * 1000, // descriptors, where the system sets no limit
};

static struct {
    int epoll;
    int listener;
    int single; // has come, and waits for its partner; or -1
    int *partner; // by descriptor; -1: the pair has been closed
} relay = {.single = -1};

static int listen_on(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int on = 1;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (listener < 0 ||
        // Accepted sockets inherit it.
        setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) < 0 ||
        bind(listener, (struct sockaddr *)&address, size) < 0 ||
        listen(listener, SOMAXCONN) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) < 0)
        err(1, "port %d", port);
    printf("Listening on 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return listener;
}

static void watch(int fd)
{
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    if (epoll_ctl(relay.epoll, EPOLL_CTL_ADD, fd, &event) < 0)
        err(1, "epoll_ctl");
}

// Nothing is read from the first of a pair before the second is there.
static void accept_clients(void)
{
    int fd;
    while ((fd = accept4(relay.listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        int other = relay.single;
        relay.single = other < 0 ? fd : -1;
        if (other < 0)
            continue;
        relay.partner[fd] = other;
        relay.partner[other] = fd;
        watch(fd);
        watch(other);
    }
    if (errno != EAGAIN && errno != ECONNABORTED)
        err(1, "accept");
}

// The descriptors stay open, so that what is left of the turn's events can't
// mean newcomers; the bench starts a relay of its own for each run.
static void close_pair(int fd)
{
    int other = relay.partner[fd];
    relay.partner[fd] = relay.partner[other] = -1;
    shutdown(fd, SHUT_RDWR);
    shutdown(other, SHUT_RDWR);
    epoll_ctl(relay.epoll, EPOLL_CTL_DEL, fd, NULL);
    epoll_ctl(relay.epoll, EPOLL_CTL_DEL, other, NULL);
}

static void forward(int fd)
{
    static char buffer[BUFFER_SIZE];
    if (relay.partner[fd] < 0)
        return;
    ssize_t n = read(fd, buffer, sizeof(buffer));
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || send(relay.partner[fd], buffer, n, MSG_NOSIGNAL) < n)
        close_pair(fd);
}

int main(int argc, char **argv)
{
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) < 0)
        err(1, "getrlimit");
    if (files.rlim_max > MAX_FILES)
        files.rlim_max = MAX_FILES;
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) < 0)
        err(1, "setrlimit");
    relay.partner = calloc(files.rlim_max, sizeof(*relay.partner));
    relay.epoll = epoll_create1(0);
    if (relay.partner == NULL || relay.epoll < 0)
        err(1, "set-up");
    relay.listener = listen_on(argc > 1 ? atoi(argv[1]) : 0);
    watch(relay.listener);
    for (;;) {
        struct epoll_event events[MAX_EVENTS];
        int n = epoll_wait(relay.epoll, events, MAX_EVENTS, -1);
        for (int i = 0; i < n; i++)
            if (events[i].data.fd == relay.listener)
                accept_clients();
            else
                forward(events[i].data.fd);
    }
}
