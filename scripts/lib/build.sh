# shellcheck shell=bash
# Configures and builds a preset of CMakePresets.json. Sourced, not run; needs say.sh and $root.

# build_preset NAME: into build/NAME, with progress; what it printed is in build/logs/build-NAME.log.
build_preset() {
  local preset=$1
  # Read by CMake when it configures for the first time: an unchanged source compiles from the cache.
  if command -v ccache >/dev/null; then export CMAKE_CXX_COMPILER_LAUNCHER=ccache; fi
  with_progress "$root/build/logs/build-$preset.log" configure_and_build "$preset"
}

configure_and_build() (
  cd "$root" && cmake --preset "$1" && cmake --build --preset "$@"
)

# Where the presets put the program.
bascule_of() { printf '%s/build/%s/proxy/bascule' "$root" "$1"; }
