# shellcheck shell=bash
# Shared by installer/run, installer/test, .ci/run and .ci/extended: packages, model files, build. Sourced by bash.
# What is said goes to standard error: standard output belongs to the answer.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
log_dir="$root/build/log"
os_release=/etc/os-release
starter_model=qwen2.5-coder-0.5b
fetch_pid=

# A clone elsewhere finds what another one compiled.
export CCACHE_BASEDIR="$root" CCACHE_NOHASHDIR=1

say() { printf '%s\n' "$*" >&2; }

fail() {
    say "$@"
    exit 1
}

# packages_of SECTION... prints the package names of these sections.
packages_of() {
    local section
    for section in "$@"; do
        awk -v section="$section" '$1 == section { print $2 }' "$root/installer/packages.txt"
    done
}

# missing_packages SECTION... prints those that are not installed.
missing_packages() {
    local wanted installed
    wanted=$(packages_of "$@")
    # dpkg-query reports unknown names on standard error and by its status; the rest of its list stands all the same.
    # shellcheck disable=SC2086
    installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' $wanted 2>/dev/null | awk '$1 == "ii" { print $2 }')
    grep -vxF -f <(printf '%s\n' "$installed") <<<"$wanted" || true
}

# shellcheck source=/dev/null
os_name() { (. "$os_release" 2>/dev/null && printf '%s' "${PRETTY_NAME:-${NAME:-an unknown system}}") || printf 'an unknown system'; }

# shellcheck source=/dev/null
is_debian_12() { (. "$os_release" 2>/dev/null && [ "${ID:-}" = debian ] && [ "${VERSION_ID:-}" = 12 ]); }

# ensure_packages SECTION... installs what is missing, or says what to do and exits 1.
ensure_packages() {
    local missing
    if ! command -v dpkg-query >/dev/null; then
        # shellcheck disable=SC2046
        other_system $(packages_of "$@")
    fi
    missing=$(missing_packages "$@")
    [ -n "$missing" ] || return 0
    # shellcheck disable=SC2086
    is_debian_12 || other_system $missing
    say "These Debian packages are missing and will be installed:"
    awk 'NR == FNR { missing[$1] = 1; next }
         $2 in missing { name = $2; $1 = $2 = ""; sub(/^ +/, ""); printf "  %-22s %s\n", name, $0 }' \
        <(printf '%s\n' "$missing") "$root/installer/packages.txt" >&2
    # shellcheck disable=SC2086
    install_packages $missing
}

other_system() {
    fail "This is $(os_name); Kvasir's installer knows the packages of Debian 12 alone.
Install what these Debian packages hold:
  $*
then build by hand in $root:
  cmake --preset release && cmake --build --preset release
and fetch the model: installer/fetch-model $starter_model"
}

install_packages() {
    local as_root=() log="$log_dir/packages.log"
    local apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -o Acquire::Retries=1 -o Acquire::http::Timeout=20
        -o Acquire::https::Timeout=20 -o DPkg::Lock::Timeout=600)
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || no_root "there is no sudo here" "$@"
        as_root=(sudo)
        if ! sudo -n true 2>/dev/null; then
            [ -t 0 ] || no_root "sudo asks for a password and there is no terminal to type it" "$@"
            say "sudo will ask for your password."
            sudo -v || no_root "sudo was refused" "$@"
        fi
    fi
    mkdir -p "$log_dir"
    say "Installing takes some minutes; details in $log"
    "${as_root[@]}" "${apt[@]}" update >"$log" 2>&1 || true
    if ! "${as_root[@]}" "${apt[@]}" install -y --no-install-recommends "$@" >>"$log" 2>&1; then
        packages_failed "$log"
    fi
}

no_root() {
    local why=$1
    shift
    fail "Packages are installed as root, and $why.
Ask an administrator to run this, then run the same command again:
  apt-get install --no-install-recommends $*"
}

packages_failed() {
    local what
    if grep -qE 'No space left|enough free space' "$1"; then
        what="The disk is full. Free some space and run the same command again."
    elif grep -qE 'Could not resolve|Temporary failure resolving|Could not connect|Unable to connect|Connection timed out|Cannot initiate the connection' "$1"; then
        what="The package server cannot be reached. Check the network and run the same command again."
    elif grep -qE 'Unable to locate package|no installation candidate' "$1"; then
        what="The package sources of this machine lack a package. Debian 12 'main' must be among them (/etc/apt/sources.list)."
    elif grep -q 'Could not get lock' "$1"; then
        what="Another program has been installing packages for ten minutes. Wait for it, then run the same command again."
    else
        what="apt-get failed. Mend what it says and run the same command again."
    fi
    grep -E '^(E|Err|W):' "$1" | tail -n 5 >&2
    fail "The packages could not be installed. $what (Everything apt-get said: $1)"
}

# fetch_start NAME... fetches model files while something else is done; fetch_wait shows how far it is and waits.
fetch_start() {
    mkdir -p "$log_dir"
    : >"$log_dir/fetch.log" # fetch_wait may look before the job has begun
    "$root/installer/fetch-model" "$@" >"$log_dir/models.txt" 2>>"$log_dir/fetch.log" &
    fetch_pid=$!
}

fetch_wait() {
    local status=0
    tail -n +1 -s 0.2 -f --pid="$fetch_pid" "$log_dir/fetch.log" >&2
    wait "$fetch_pid" || status=$?
    fetch_pid=
    return $status
}

# A fetch does not outlive the script that started it.
fetch_stop() { [ -z "$fetch_pid" ] || kill "$fetch_pid" 2>/dev/null || true; }
trap fetch_stop EXIT

# As many compilers at once as there are processors, and as memory bears at 1.5 GiB each.
jobs_at_once() {
    local processors memory
    processors=$(nproc)
    memory=$(awk '/^MemAvailable:/ { print int($2 / 1572864) }' /proc/meminfo)
    [ "${memory:-1}" -ge 1 ] || memory=1
    echo $((processors < memory ? processors : memory))
}

# build PRESET [TARGET...] configures and builds; all targets when none is named. Returns 1 on failure.
build() {
    local preset=$1 folder="$root/build/$1" log="$log_dir/configure-$1.log"
    shift
    mkdir -p "$log_dir"
    # A clone that was moved: CMake refuses a build folder that names another place.
    if [ -f "$folder/CMakeCache.txt" ] && ! grep -qxF "CMAKE_HOME_DIRECTORY:INTERNAL=$root" "$folder/CMakeCache.txt"; then
        rm -rf "$folder"
    fi
    say "Building ($preset)"
    if ! (cd "$root" && cmake --preset "$preset") >"$log" 2>&1; then
        tail -n 30 "$log" >&2
        say "The build could not be configured. Everything CMake said: $log"
        return 1
    fi
    if ! (cd "$root" && cmake --build --preset "$preset" -j "$(jobs_at_once)" ${1:+--target "$@"}) >&2; then
        say "The build failed; the compiler's message stands above."
        return 1
    fi
}
