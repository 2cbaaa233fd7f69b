// A small terminal, for programs of the tests that look at the screen. It
// knows
// "\a", "\r", "\n", "\b", "\t", CSI K, and UTF-8 with wide and combining
// characters, and wraps as a VT100 does: when the next character comes, not
// yet when the row is full. Anything else that steers a terminal is an error,
// and ends the program with status 1.

#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <wchar.h>

enum {
    MAX_COLUMNS = 1000,
    CELL_SIZE = 32, // a character and what combines with it
    TAB_SIZE = 8, // columns
    RIGHT_HALF = 1, // in the cell behind a wide character
    LAST_CHARACTER = 0x10ffff,
};

struct terminal {
    int columns;
    int column; // of the cursor; as columns, when the next character wraps
    int bells; // that rang
    int clears; // that cleared the rest of a row
    int wraps; // of a row that was full
    int sequence; // how many characters of an escape sequence have come
    size_t rows; // that the cursor has left: nothing will change them any more
    wchar_t row[MAX_COLUMNS][CELL_SIZE]; // the cursor's; empty is blank
    FILE *left; // the rows that it has left go there
};

static void put_cell(struct terminal *t, int column, wchar_t c)
{
    t->row[column][0] = c;
    t->row[column][1] = L'\0';
}

// To the end of the row.
static void clear_from(struct terminal *t, int column)
{
    for (; column < t->columns; column++)
        put_cell(t, column, L'\0');
}

// Prints the cursor's row, without the blanks at its end.
static void print_cursor_row(const struct terminal *t, FILE *file)
{
    int end = t->columns;
    while (end > 0 &&
           (t->row[end - 1][0] == L'\0' || wcscmp(t->row[end - 1], L" ") == 0))
        end--;
    for (int i = 0; i < end; i++) {
        const wchar_t *cell = t->row[i];
        if (cell[0] != RIGHT_HALF)
            fprintf(file, "%ls", cell[0] == L'\0' ? L" " : cell);
    }
    putc('\n', file);
}

// The cursor goes to the next row, which is empty; there is no way back up.
static void leave_cursor_row(struct terminal *t)
{
    print_cursor_row(t, t->left);
    clear_from(t, 0);
    t->rows++;
}

// Adds an accent or the like to the character before the cursor.
static void combine(struct terminal *t, wchar_t c)
{
    int column = t->column > 0 ? t->column - 1 : 0;
    if (column > 0 && t->row[column][0] == RIGHT_HALF)
        column--;
    size_t length = wcslen(t->row[column]);
    if (length == CELL_SIZE - 1)
        errx(1, "too many characters in one cell");
    t->row[column][length] = c;
    t->row[column][length + 1] = L'\0';
}

static void show_character(struct terminal *t, wchar_t c)
{
    int width = wcwidth(c);
    if (width < 0 || c > LAST_CHARACTER)
        errx(1, "a terminal may obey U+%04x", (unsigned)c);
    if (width == 0) {
        combine(t, c);
        return;
    }
    if (t->column + width > t->columns) {
        leave_cursor_row(t);
        t->column = 0;
        t->wraps++;
    }
    put_cell(t, t->column++, c);
    if (width == 2)
        put_cell(t, t->column++, RIGHT_HALF);
}

static void run_sequence(struct terminal *t, wchar_t c)
{
    if (c != L"\033[K"[t->sequence])
        errx(1, "an escape sequence that is not CSI K");
    t->sequence = (t->sequence + 1) % 3;
    if (t->sequence == 0) {
        clear_from(t, t->column);
        t->clears++;
    }
}

// The terminal gets a character.
static void terminal_show(struct terminal *t, wchar_t c)
{
    if (t->sequence > 0 || c == L'\033') {
        run_sequence(t, c);
    } else if (c == L'\n') {
        leave_cursor_row(t);
    } else if (c == L'\r') {
        t->column = 0;
    } else if (c == L'\b') {
        t->column -= t->column > 0;
    } else if (c == L'\a') {
        t->bells++;
    } else if (c == L'\t') {
        t->column += TAB_SIZE - t->column % TAB_SIZE;
        if (t->column >= t->columns)
            t->column = t->columns - 1;
    } else {
        show_character(t, c);
    }
}
