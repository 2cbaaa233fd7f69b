// A small terminal: reads what a program has printed and prints the rows that
// are then on the screen, without the blanks at their ends.
//
//   screen COLUMNS
//
// It knows "\r", "\n", "\b", "\t", CSI K, and UTF-8 with wide and combining
// characters, and wraps as a VT100 does: when the next character comes, not
// yet when the row is full. Anything else that steers a terminal is an error:
// the status is 1.

#define _GNU_SOURCE // wcwidth()

#include <err.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <wchar.h>

enum {
    MAX_COLUMNS = 1000,
    CELL_SIZE = 8, // a character and what combines with it
    TAB_SIZE = 8, // columns
    RIGHT_HALF = 1, // in the cell behind a wide character
    ESCAPE = 0x1b,
    LAST_CHARACTER = 0x10ffff,
};

static struct {
    int columns;
    int column; // of the cursor; as columns, when the next character wraps
    wchar_t row[MAX_COLUMNS][CELL_SIZE]; // the cursor's; empty is blank
} screen;

static void put_cell(int column, wchar_t c)
{
    screen.row[column][0] = c;
    screen.row[column][1] = L'\0';
}

// To the end of the row.
static void clear_from(int column)
{
    for (; column < screen.columns; column++)
        put_cell(column, L'\0');
}

// Prints the cursor's row, which nothing will change any more: there is no way
// back up. The cursor goes to the next row, which is empty.
static void leave_row(void)
{
    int end = screen.columns;
    while (end > 0 && (screen.row[end - 1][0] == L'\0' ||
                       wcscmp(screen.row[end - 1], L" ") == 0))
        end--;
    for (int i = 0; i < end; i++) {
        const wchar_t *cell = screen.row[i];
        if (cell[0] != RIGHT_HALF)
            printf("%ls", cell[0] == L'\0' ? L" " : cell);
    }
    putchar('\n');
    clear_from(0);
}

// Adds an accent or the like to the character before the cursor.
static void combine(wchar_t c)
{
    int column = screen.column > 0 ? screen.column - 1 : 0;
    if (column > 0 && screen.row[column][0] == RIGHT_HALF)
        column--;
    size_t length = wcslen(screen.row[column]);
    if (length == CELL_SIZE - 1)
        errx(1, "too many characters in one cell");
    screen.row[column][length] = c;
    screen.row[column][length + 1] = L'\0';
}

static void print_character(wchar_t c)
{
    int width = wcwidth(c);
    if (width < 0 || c > LAST_CHARACTER)
        errx(1, "a terminal may obey U+%04x", (unsigned)c);
    if (width == 0) {
        combine(c);
        return;
    }
    if (screen.column + width > screen.columns) {
        leave_row();
        screen.column = 0;
    }
    put_cell(screen.column++, c);
    if (width == 2)
        put_cell(screen.column++, RIGHT_HALF);
}

static void run_sequence(void)
{
    if (getwchar() != L'[' || getwchar() != L'K')
        errx(1, "an escape sequence that is not CSI K");
    clear_from(screen.column);
}

static void show(wchar_t c)
{
    if (c == L'\n') {
        leave_row();
    } else if (c == L'\r') {
        screen.column = 0;
    } else if (c == L'\b') {
        screen.column -= screen.column > 0;
    } else if (c == L'\t') {
        screen.column += TAB_SIZE - screen.column % TAB_SIZE;
        if (screen.column >= screen.columns)
            screen.column = screen.columns - 1;
    } else if (c == ESCAPE) {
        run_sequence();
    } else {
        print_character(c);
    }
}

int main(int argc, char **argv)
{
    screen.columns = argc == 2 ? atoi(argv[1]) : 0;
    if (screen.columns < 2 || screen.columns > MAX_COLUMNS)
        errx(1, "usage: screen columns");
    if (setlocale(LC_CTYPE, "C.UTF-8") == NULL)
        setlocale(LC_CTYPE, "");
    wint_t c;
    while ((c = getwchar()) != WEOF)
        show((wchar_t)c);
    if (ferror(stdin))
        err(1, "stdin");
    leave_row();
    return 0;
}
