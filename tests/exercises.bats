# The exercises "build it": see tests/tools/exercises.

load helper

@test "each exercise has tests that fail before, and pass with our solution" {
    "$ROOT/tests/tools/exercises" 3>&-
}
