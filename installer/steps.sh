# shellcheck shell=bash
# Shared by installer/test, .ci/run and .ci/extended: steps that go on after a failure, and the sum of what passed and failed.
# Sourced by bash after installer/lib.sh.

passed=0
failed=0
failures=()
step_times=()

# The last line is the sum, however the script ends.
steps_end() {
    local status=$? line
    fetch_stop
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        failed=1
        failures+=("${step_name:-installing packages}")
    fi
    printf '\nTimes:\n'
    for line in "${step_times[@]}"; do printf '  %s\n' "$line"; done
    if [ "$failed" -gt 0 ]; then
        printf 'Failed:\n'
        printf '  %s\n' "${failures[@]}"
    fi
    printf '%d passed, %d failed\n' "$passed" "$failed"
    [ "$failed" -eq 0 ] || exit 1
    exit 0
}
trap steps_end EXIT

# step NAME COMMAND... runs a step that counts as one test. Returns its status; never ends the script.
step() {
    step_name=$1
    shift
    local start=$SECONDS status=0
    printf '\n== %s\n' "$step_name"
    "$@" 2>&1 || status=$?
    step_times+=("$(printf '%4d s  %s' $((SECONDS - start)) "$step_name")")
    if [ "$status" -eq 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        failures+=("$step_name")
    fi
    return "$status"
}

# not_run NAME REASON counts a step as failed that cannot be tried.
not_run() {
    printf '\n== %s\nnot run: %s\n' "$1" "$2"
    failed=$((failed + 1))
    failures+=("$1 (not run: $2)")
}

# summed_step NAME COMMAND... runs a script whose last line is such a sum, and adds it.
summed_step() {
    step_name=$1
    shift
    local start=$SECONDS sum
    mkdir -p "$log_dir"
    "$@" 2>&1 | tee "$log_dir/summed.txt" || true
    step_times+=("$(printf '%4d s  %s' $((SECONDS - start)) "$step_name")")
    sum=$(tail -n 1 "$log_dir/summed.txt")
    if ! [[ $sum =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed$ ]]; then
        failed=$((failed + 1))
        failures+=("$step_name: it ended without a sum")
        return
    fi
    passed=$((passed + BASH_REMATCH[1]))
    failed=$((failed + BASH_REMATCH[2]))
    [ "${BASH_REMATCH[2]}" -eq 0 ] || failures+=("$step_name: see above")
}

# ctest_step NAME PRESET [CTEST_ARGUMENT...] runs tests of a built preset; each test counts.
ctest_step() {
    step_name=$1
    local preset=$2 start=$SECONDS junit="$log_dir/junit-$2.xml" counts timeout=600
    [[ $preset != asan && $preset != tsan ]] || timeout=6000 # as patient as tests/patience.h
    shift 2
    printf '\n== %s\n' "$step_name"
    rm -f "$junit"
    (cd "$root" && ctest --preset "$preset" -j "$(nproc)" --timeout "$timeout" --output-junit "$junit" "$@") 2>&1 |
        grep -vE '^ *[0-9]+/[0-9]+ Test .* Passed |^ +Start +[0-9]+: ' || true
    step_times+=("$(printf '%4d s  %s' $((SECONDS - start)) "$step_name")")
    if ! counts=$(python3 "$root/installer/junit_counts.py" "$junit" "$log_dir/failed-$preset.txt"); then
        failed=$((failed + 1))
        failures+=("$step_name: ctest left no result")
        return 1
    fi
    passed=$((passed + ${counts% *}))
    failed=$((failed + ${counts#* }))
    mapfile -t -O "${#failures[@]}" failures <"$log_dir/failed-$preset.txt"
}

format_check() {
    (cd "$root" && find app engine kernels ui tests '(' -name '*.cpp' -o -name '*.h' -o -name '*.cu' -o -name '*.cuh' ')' \
        -print0 | xargs -0r clang-format-19 --dry-run -Werror)
}
