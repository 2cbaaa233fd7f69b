// Plays both ends of the channel in the client of step 6 or 7, which CLIENT
// names: the bounds, the order, the end, and a race.
//
//   cc -pthread -w -DCLIENT='"step6-async/client.c"' channel.c -o channel
//
// Prints what it looks at, and ends with status 1 where that is wrong; a
// thread that waits for ever ends it by SIGALRM. pthread_cond_wait() is
// played, too: it may return without a reason (POSIX), and here it often does.

#define _GNU_SOURCE // as step 7's client has it

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

static int play_wait(pthread_cond_t *condition, pthread_mutex_t *lock);

#define pthread_cond_wait(condition, lock) play_wait(condition, lock)
#define main client_main

#include CLIENT

#undef pthread_cond_wait
#undef main

enum {
    LIFETIME = 20, // s
    MANY = 20 * 1000, // lines of a race
    ROUNDS = 200, // races with the end
};

// The counters only grow, until they wrap: here that is soon.
static const size_t begin = SIZE_MAX - 8;

static struct channel channel;
static atomic_int waits; // calls of pthread_cond_wait()
static size_t accepted; // lines, of a sender that has ended
static size_t taken; // lines, of a receiver that has ended

static int play_wait(pthread_cond_t *condition, pthread_mutex_t *lock)
{
    if (++waits % 2 != 0)
        return 0;
    return pthread_cond_wait(condition, lock);
}

static void check(bool right, const char *what)
{
    if (!right)
        errx(1, "wrong: %s", what);
}

static void look_at(const char *what)
{
    puts(what);
    fflush(stdout);
    channel = (struct channel){.lock = PTHREAD_MUTEX_INITIALIZER,
                               .not_full = PTHREAD_COND_INITIALIZER,
                               .not_empty = PTHREAD_COND_INITIALIZER,
                               .sent = begin,
                               .received = begin};
    waits = 0;
    accepted = taken = 0;
}

// Line n is known by its length.
static bool send_number(size_t n)
{
    return channel_send(&channel, (struct line){"text", n});
}

// Returns false when no line came; one that comes has to be line n.
static bool receive_number(size_t n)
{
    struct line line = {NULL, 0};
    if (!channel_receive(&channel, &line))
        return false;
    check(line.length == n && strcmp(line.text, "text") == 0, "the order");
    return true;
}

static void *send_all(void *count)
{
    while (accepted < *(size_t *)count && send_number(accepted))
        accepted++;
    return NULL;
}

static void *receive_all(void *unused)
{
    while (receive_number(taken))
        taken++;
    return unused;
}

// Waits until the other thread has waited for the second time: by then it has
// gone to sleep once, or is about to.
static void wait_for_sleeper(void)
{
    while (waits < 2)
        sched_yield();
}

static void try_bounds(void)
{
    look_at("as many lines as the channel has room for, and one more");
    size_t count = CHANNEL_SIZE + 1;
    pthread_t sender = start_thread(send_all, &count);
    wait_for_sleeper();
    check(channel.sent == begin + CHANNEL_SIZE, "the bound");
    check(receive_number(0), "a line");
    pthread_join(sender, NULL);
    check(channel.sent == begin + count, "the one that waited");
    for (size_t i = 1; i < count; i++)
        check(receive_number(i), "a line");
}

static void try_empty(void)
{
    look_at("an empty channel, to which a line comes");
    pthread_t receiver = start_thread(receive_all, NULL);
    wait_for_sleeper();
    check(send_number(0), "to send");
    while (atomic_load(&waits) < 4) // it has taken it, and waits again
        sched_yield();
    check(channel_close(&channel), "it was open");
    pthread_join(receiver, NULL);
    check(taken == 1, "the line");
}

static void try_closed(void)
{
    look_at("a closed channel");
    check(send_number(0) && send_number(1), "to send");
    check(channel_close(&channel), "it was open");
    check(!channel_close(&channel), "it was closed");
    check(!send_number(2), "to send to a closed channel");
    check(receive_number(0) && receive_number(1), "what was left");
    check(!receive_number(2), "the end");
    check(!receive_number(2), "the end again");
}

static void try_close_full(void)
{
    look_at("a full channel that is closed while one waits to send");
    size_t count = CHANNEL_SIZE + 1;
    pthread_t sender = start_thread(send_all, &count);
    wait_for_sleeper();
    channel_close(&channel);
    pthread_join(sender, NULL);
    check(accepted == CHANNEL_SIZE, "what was not accepted");
    receive_all(NULL);
    check(taken == CHANNEL_SIZE, "what was");
}

static void try_race(void)
{
    look_at("both ends at the same time");
    size_t count = MANY;
    pthread_t sender = start_thread(send_all, &count);
    pthread_t receiver = start_thread(receive_all, NULL);
    pthread_join(sender, NULL);
    channel_close(&channel);
    pthread_join(receiver, NULL);
    check(accepted == MANY && taken == MANY, "all lines");
}

static void try_race_to_the_end(void)
{
    for (int i = 0; i < ROUNDS; i++) {
        look_at("both ends and the end at the same time");
        size_t count = MANY;
        pthread_t sender = start_thread(send_all, &count);
        pthread_t receiver = start_thread(receive_all, NULL);
        for (int j = 0; j < i; j++)
            sched_yield();
        channel_close(&channel);
        pthread_join(sender, NULL);
        pthread_join(receiver, NULL);
        check(accepted == taken, "each line that was accepted comes out");
    }
}

int main(void)
{
    alarm(LIFETIME);
    try_bounds();
    try_empty();
    try_closed();
    try_close_full();
    try_race();
    try_race_to_the_end();
    return 0;
}
