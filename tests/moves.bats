# From step 6 to step 7 in small moves: see tests/tools/moves. The sessions
# before and after each move are chapter 7's, in chapters.bats.

load helper

setup_file() {
    need_linux
}

@test "the moves fit, are small, and end in step 7" {
    "$ROOT/tests/tools/moves" check
}

@test "the state after each move compiles without a warning" {
    "$ROOT/tests/tools/moves" compile
}

@test "the state after each move compiles without a warning with clang, too" {
    need clang clang
    "$ROOT/tests/tools/moves" compile clang
}

@test "after each move, rows turn and tests hold, as it says" {
    not_sanitized "its states are built as they are"
    "$ROOT/tests/tools/moves" try 3>&-
}
