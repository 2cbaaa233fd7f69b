// Sends bad input to step 7's server and compares all that comes back, byte
// for byte, with what a model says that is written here once more.
//
//   badinput PORT [SEED]     prints "N cases, seed S"
//
// A case is a transcript that one client sends, in one piece or in several,
// and then half-closes. Another client listens, to hear what is for it.

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

enum {
    LIFETIME = 60, // s
    PATIENCE = 10, // s
    MOST = 250, // bytes in a line
    GARBAGE = 1024 * 1024, // bytes
    RANDOM_CASES = 300,
};

struct text {
    char *data;
    size_t size;
};

static const char *port;
static unsigned long long state;
static int cases;
static int splits; // of these
static int listener; // hears what is sent to it
static long long listener_number;
static long long next_number;

static unsigned next_random(unsigned below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned)(state >> 33) % below;
}

static int connect_patiently(void)
{
    int fd = connect_to(port, false);
    limit_patience(fd, PATIENCE);
    return fd;
}

// What the model says: replies to the sender, and what the listener hears.
struct expectation {
    FILE *replies;
    FILE *messages;
};

// The text, with what could steer a terminal made into question marks.
static void put_safe(FILE *out, const unsigned char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        bool c1 = text[i] == 0xc2 && i + 1 < size && text[i + 1] >= 0x80 &&
                  text[i + 1] <= 0x9f;
        bool control = text[i] == 0x7f || (text[i] < 0x20 && text[i] != '\t');
        fputc(c1 || control ? '?' : text[i], out);
        if (c1) {
            fputc('?', out);
            i++;
        }
    }
}

// The model of one line, without its newline.
static void expect_line(struct expectation *e, const unsigned char *line,
                        size_t size, long long sender)
{
    if (size > 0 && line[size - 1] == '\r')
        size--;
    if (size > MOST) {
        fputs("error: message is longer than 250 bytes\n", e->replies);
        return;
    }
    size_t digits = 0;
    unsigned long long to = 0;
    while (digits < size && line[digits] >= '0' && line[digits] <= '9')
        to = to * 10 + line[digits++] - '0';
    if (digits < 1 || digits > 10 || size < digits + 2 ||
        line[digits] != ' ') {
        fputs("error: expected \"<number> <text>\"\n", e->replies);
        return;
    }
    FILE *out = e->messages;
    if (to == (unsigned long long)sender) {
        out = e->replies;
    } else if (to != (unsigned long long)listener_number) {
        fprintf(e->replies, "error: client %llu is not connected\n", to);
        return;
    }
    fprintf(out, "%lld->> ", sender);
    put_safe(out, line + digits + 1, size - digits - 1);
    fputc('\n', out);
}

static void expect(struct text input, long long sender, struct text *replies,
                   struct text *messages)
{
    struct expectation e = {open_memstream(&replies->data, &replies->size),
                            open_memstream(&messages->data, &messages->size)};
    fprintf(e.replies, "Your number is %lld\n", sender);
    const char *line = input.data;
    const char *end = input.data + input.size;
    const char *newline;
    while ((newline = memchr(line, '\n', end - line)) != NULL) {
        expect_line(&e, (const unsigned char *)line, newline - line, sender);
        line = newline + 1;
    }
    fclose(e.replies);
    fclose(e.messages);
}

static void print_bytes(const char *title, const char *data, size_t size)
{
    printf("%s (%zu bytes): ", title, size);
    for (size_t i = 0; i < size && i < 600; i++)
        printf(data[i] >= ' ' && data[i] < 0x7f ? "%c" : "\\x%02x",
               data[i] & 0xff);
    putchar('\n');
}

// Reads as much as was expected, or up to the end, and compares.
static void compare(const char *who, int fd, struct text expected,
                    bool to_the_end, struct text input)
{
    char *got = malloc(expected.size + 1);
    size_t size = 0;
    size_t wanted = expected.size + to_the_end; // one more must not come
    ssize_t n = 1;
    while (got != NULL && size < wanted &&
           (n = recv(fd, got + size, wanted - size, 0)) > 0)
        size += n;
    if (n < 0 || size != expected.size ||
        (size > 0 && memcmp(got, expected.data, size) != 0)) {
        printf("case %d: %s got something else\n", cases, who);
        print_bytes("sent", input.data, input.size);
        print_bytes("expected", expected.data, expected.size);
        print_bytes("got", got, size);
        exit(1);
    }
    free(got);
}

static int join(void)
{
    int fd = connect_patiently();
    char greeting[40];
    int size = snprintf(greeting, sizeof(greeting), "Your number is %lld\n",
                        next_number++);
    compare("a newcomer", fd, (struct text){greeting, size}, false,
            (struct text){NULL, 0});
    return fd;
}

// Waits until the server has read what was sent before: it has then also
// greeted a newcomer, who came later. The first shows only that we are in.
static void settle(void)
{
    close(join());
    int fd = join();
    shutdown(fd, SHUT_WR);
    compare("a leaver", fd, (struct text){NULL, 0}, true,
            (struct text){NULL, 0});
    close(fd);
}

// Runs a case: input, cut in two at the place; at 0 it is not cut. Nothing is
// read until all is sent: the replies to that fit into the buffers in between.
static void try_input(struct text input, size_t cut)
{
    int fd = connect_patiently();
    long long number = next_number++;
    struct text replies;
    struct text messages;
    expect(input, number, &replies, &messages);
    cases++;
    splits += cut > 0;
    if (!send_all(fd, input.data, cut))
        err(1, "send");
    if (cut > 0)
        settle();
    if (!send_all(fd, input.data + cut, input.size - cut))
        err(1, "send");
    shutdown(fd, SHUT_WR);
    compare("the sender", fd, replies, true, input);
    compare("the listener", listener, messages, false, input);
    close(fd);
    free(replies.data);
    free(messages.data);
}

// Puts the listener's number in the place of each '@' and the sender's in the
// place of each '$'.
static struct text fill_in(const char *form, size_t size)
{
    struct text t;
    FILE *out = open_memstream(&t.data, &t.size);
    for (size_t i = 0; i < size; i++) {
        if (form[i] == '@')
            fprintf(out, "%lld", listener_number);
        else if (form[i] == '$')
            fprintf(out, "%lld", next_number);
        else
            fputc(form[i], out);
    }
    fclose(out);
    return t;
}

static void try_form(const char *form, size_t size)
{
    struct text t = fill_in(form, size);
    try_input(t, 0);
    free(t.data);
}

// Every byte in each field: in, before and after the number, as the
// separator, and in the text. A good line after it shows that all goes on.
static void try_bytes(void)
{
    static const char *const forms[] = {"#@ x\n$ y\n", "@# x\n$ y\n",
                                        "@#x\n$ y\n", "@ #\n$ y\n",
                                        "@ a#b\n$ y\n"};
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        for (int byte = 0; byte < 256; byte++) {
            struct text t = fill_in(forms[i], strlen(forms[i]));
            *(char *)memchr(t.data, '#', t.size) = (char)byte;
            try_input(t, 0);
            free(t.data);
        }
    }
}

static void try_lengths(void)
{
    static const int lengths[] = {
        0,    1,    2,    3,    4,    5,    247,  248,   249,   250,  251,
        252,  253,  254,  255,  256,  257,  500,  501,   502,   4093, 4094,
        4095, 4096, 4097, 4098, 8191, 8192, 8193, 65535, 65536, 65537};
    static const char *const ends[] = {"\n", "\r\n", "\r\r\n", ""};
    static char line[70000];
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        for (size_t j = 0; j < sizeof(ends) / sizeof(*ends); j++) {
            int length = lengths[i];
            memset(line, 'x', length);
            int start = snprintf(line, 16, "%lld ", listener_number);
            for (int k = start; k < length; k++)
                line[k] = 'x';
            int size = length + sprintf(line + length, "%s", ends[j]);
            size += sprintf(line + size, "%lld y\n", next_number);
            try_input((struct text){line, size}, 0);
        }
    }
}

#define FORM(text) text, sizeof(text) - 1

static const struct {
    const char *data;
    size_t size;
} transcripts[] = {
    {FORM("@ hello\n$ me\n")},
    {FORM("@ one\r\n@ two\r\n")},
    {FORM("\n\n\r\n\r\r\n")},
    {FORM("+1 x\n-1 x\n 1 x\n1e3 x\n0x1 x\n")},
    {FORM("99999999999 x\n4294967296 x\n4294967297 x\n")},
    {FORM("18446744073709551616 x\n9999999999 x\n2147483648 x\n")},
    {FORM("\"\" x\n\"1 \" x\n1\n1 \n \n")},
    {FORM("00@ x\n000000000@ x\n0000000000000@ x\n")},
    {FORM("@  two\n@\tx\n@ \t\n@   \n")},
    {FORM("@ \0\n@ a\0b\n\0\n@\0x\n")},
    {FORM("@ \xff\xfe\n@ \xc0\x80\n@ \xed\xa0\x80\n@ \xf4\x90\x80\x80\n")},
    {FORM("@ \xc2\n@ \xc2\x9b\x33\x31m\n@ \xc2\xc2\x85\n@ \xe2\x80\xae\n")},
    {FORM("@ \xe2\x82\xac \xf0\x9f\x98\x80 \xc3\xa9\n\xe2\x82\xac 1\n")},
    {FORM("@ \x1b]52;c;aGk=\x07\n@ \x1b[2J\x7f\b\n")},
    {FORM("@ a\r7->> forged\n@ 7->> forged\n")},
    {FORM("7->> forged\n@ x\r\r\n@ \r\n")},
    {FORM("GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\n\r\n")},
    {FORM("\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03\n\x13\x01\x00\n")},
    {FORM("EHLO x\r\nQUIT\r\n*1\r\n$4\r\nPING\r\n")},
    {FORM("@ unfinished\n@ not delivered")},
};

// Each whole, and cut in two in every place: the result is the same.
static void try_splits(void)
{
    for (size_t i = 0; i < sizeof(transcripts) / sizeof(*transcripts); i++) {
        size_t cut = 0;
        size_t size = 1;
        while (cut < size) {
            struct text t = fill_in(transcripts[i].data, transcripts[i].size);
            try_input(t, cut++);
            size = t.size;
            free(t.data);
        }
    }
}

// Words of the protocol and bytes, at random.
static void try_random(void)
{
    static const char *const words[] = {"@ ", "$ ", "\n",   "\r\n", "0",
                                        " ",  "\t", "\xc2", "\x9b", "->> "};
    for (int i = 0; i < RANDOM_CASES; i++) {
        char form[400];
        size_t size = 0;
        while (size < 300) {
            const char *word = words[next_random(10)];
            if (next_random(2) == 0)
                size += (size_t)sprintf(form + size, "%s", word);
            else
                form[size++] = (char)next_random(256);
        }
        try_form(form, size);
    }
}

// A megabyte of noise: first without a reader's help it would only fill the
// buffers, so one process sends and the other compares.
static void try_garbage(void)
{
    struct text noise = {malloc(GARBAGE), GARBAGE};
    if (noise.data == NULL)
        err(1, "malloc");
    for (size_t i = 0; i < noise.size; i++)
        noise.data[i] = (char)next_random(256);
    int fd = connect_patiently();
    struct text replies;
    struct text messages;
    expect(noise, next_number++, &replies, &messages);
    cases++;
    fflush(stdout);
    pid_t pid = fork();
    if (pid < 0)
        err(1, "fork");
    if (pid == 0) {
        alarm(PATIENCE);
        if (!send_all(fd, noise.data, noise.size))
            err(1, "send");
        shutdown(fd, SHUT_WR);
        _exit(0);
    }
    compare("the sender", fd, replies, true, noise);
    compare("the listener", listener, messages, false, noise);
    close(fd);
    free(noise.data);
    free(replies.data);
    free(messages.data);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        errx(1, "usage: badinput port [seed]");
    alarm(LIFETIME);
    port = argv[1];
    unsigned long seed = argc > 2 ? strtoul(argv[2], NULL, 10) : 1;
    state = seed * 2862933555777941757u + 3037000493u;
    // Nobody but us is connected, so the numbers are known.
    listener = join();
    try_bytes();
    try_lengths();
    try_splits();
    try_random();
    try_garbage();
    try_form("@ still here\n", 13);
    printf("%d cases, seed %lu, %d of them cut in two\n", cases, seed, splits);
    return 0;
}
