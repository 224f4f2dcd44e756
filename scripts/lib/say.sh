# shellcheck shell=bash
# What the scripts tell the person who started them: steps, notes, and one clear line when something cannot be done.
# Sourced, not run. Colours only where a terminal is.

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
  bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' plain=$'\e[0m'
else
  bold='' dim='' red='' green='' plain=''
fi

step() { printf '%s==>%s %s\n' "$bold" "$plain" "$*"; }
note() { printf '    %s\n' "$*"; }

# Cause first, then the way out: fail "port 6080 is taken" "choose another one: scripts/demo --port 6090"
fail() {
  printf '%serror:%s %s\n' "$red" "$plain" "$1" >&2
  shift
  local way
  for way in "$@"; do printf '       %s\n' "$way" >&2; done
  exit 1
}

# with_progress LOG COMMAND...: runs it with all it prints in LOG. On a terminal its newest line is shown in place;
# elsewhere one line now and then, so that a quiet quarter of an hour is not taken for a hang. Returns its exit code.
with_progress() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  # pipefail makes the command's failure the pipe's; the reader never fails.
  { "$@" 2>&1 </dev/null | tee "$log" | show_newest_line; } && return 0
  return 1
}

show_newest_line() {
  local line shown=$SECONDS columns
  if [[ -t 1 ]]; then
    columns=$({ stty size </dev/tty | cut -d ' ' -f 2; } 2>/dev/null)
    columns=${columns:-80}
    while IFS= read -r line; do
      line=${line//[$'\t\r\e']/ }
      printf '\r\e[K    %s%s%s' "$dim" "${line:0:columns-5}" "$plain"
    done
    printf '\r\e[K'
  else
    while IFS= read -r line; do
      if ((SECONDS - shown >= 20)); then
        printf '    … %s\n' "${line:0:110}"
        shown=$SECONDS
      fi
    done
  fi
}
