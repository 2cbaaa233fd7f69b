// Reads what a program has printed, and prints the rows that are then on the
// screen of a terminal, without the blanks at their ends.
//
//   screen COLUMNS
//
// What the terminal knows is said in terminal.h. Anything else that steers it
// is an error: the status is 1.

#define _GNU_SOURCE // wcwidth()

#include <locale.h>
#include <stdlib.h>

#include "terminal.h"

int main(int argc, char **argv)
{
    static struct terminal terminal;
    terminal.columns = argc == 2 ? atoi(argv[1]) : 0;
    terminal.left = stdout;
    if (terminal.columns < 2 || terminal.columns > MAX_COLUMNS)
        errx(1, "usage: screen columns");
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        setlocale(LC_CTYPE, "");
    wint_t c;
    while ((c = getwchar()) != WEOF)
        terminal_show(&terminal, (wchar_t)c);
    if (ferror(stdin))
        err(1, "stdin");
    leave_cursor_row(&terminal);
    return 0;
}
