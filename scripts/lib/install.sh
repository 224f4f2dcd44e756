# shellcheck shell=bash
# Installs the Debian packages that are missing. Sourced, not run; needs say.sh and $root.
#
#   install_packages build demo        the sets below, by name

packages_build=(g++ cmake ninja-build ccache pkg-config
  libasio-dev libssl-dev libcrypt-dev libyaml-cpp-dev libfmt-dev nlohmann-json3-dev libcli11-dev
  ca-certificates)  # whom the system trusts: services by TLS are verified by it
packages_test=(libgtest-dev libgmock-dev clang-format-14 clang-tidy-14
  python3 python3-jsonschema python3-yaml python3-jwt python3-cryptography php-cli valgrind)
packages_suites=(python3 openssl strace slowhttptest iproute2 iptables fiu-utils faketime valgrind)
# llvm-14 gives the names in what a crash prints.
packages_fuzz=(clang-14 libclang-rt-14-dev llvm-14)
# `--tls` and `--listen`, with or without a desktop.
packages_tls=(openssl)
packages_demo=(novnc tigervnc-standalone-server openbox xterm xauth x11-utils x11-xserver-utils)
packages_e2e=(novnc tigervnc-standalone-server xterm xauth x11-utils x11-xserver-utils
  chromium libnss3-tools mosquitto rabbitmq-server openssh-server openssh-client python3 python3-websockets
  haproxy nginx-light curl openssl websockify spice-html5 xserver-xspice)
packages_scan=(testssl.sh sslscan openssl python3)

# Services that come with a package. The tests start their own, on ports of their own, so the system's are kept from
# starting on the machine of whoever runs them.
service_of_package() {
  case $1 in
    mosquitto) echo mosquitto.service ;;
    rabbitmq-server) echo rabbitmq-server.service epmd.service epmd.socket ;;
    openssh-server) echo ssh.service ;;
    haproxy) echo haproxy.service ;;
    lighttpd) echo lighttpd.service ;;
    nginx-light) echo nginx.service ;;
  esac
}

is_installed() { [[ $(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

install_packages() {
  local set name missing=() log=$root/build/logs/install.log
  command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
    fail "this system has no apt: the scripts install what they need on Debian 12" \
      "elsewhere, install by hand what scripts/lib/install.sh lists"

  for set in "$@"; do
    local -n of_set=packages_$set
    for name in "${of_set[@]}"; do
      is_installed "$name" || [[ " ${missing[*]} " == *" $name "* ]] || missing+=("$name")
    done
    # Node.js often comes from elsewhere; Debian's is taken only where there is none.
    if [[ $set == test || $set == e2e ]]; then
      command -v node >/dev/null || [[ " ${missing[*]} " == *" nodejs "* ]] || missing+=(nodejs)
    fi
    if [[ $set == e2e ]]; then command -v npm >/dev/null || missing+=(npm); fi
  done
  ((${#missing[@]})) || return 0

  check_distribution
  local as_root=()
  if ((EUID != 0)); then
    command -v sudo >/dev/null ||
      fail "packages are missing, and neither are you root nor is there sudo: ${missing[*]}" \
        "as root: apt-get install --no-install-recommends ${missing[*]}"
    as_root=(sudo)
    sudo -v || fail "packages are missing, and sudo does not let you in: ${missing[*]}" \
      "as root: apt-get install --no-install-recommends ${missing[*]}"
  fi

  step "Installing from Debian: ${missing[*]}"
  mkdir -p "$(dirname "$log")"
  if ! lists_know "${missing[@]}"; then
    with_progress "$log" "${as_root[@]}" apt-get -o Acquire::Retries=3 update || true  # what it lacks shows below
    lists_know "${missing[@]}" || {
      tail -n 5 "$log" >&2
      fail "apt does not know all of: ${missing[*]}" \
        "without a network? then bring it up and start again" \
        "otherwise see /etc/apt/sources.list: it needs Debian 12's main"
    }
  fi
  if ! with_progress "$log" keeping_services_down "${missing[@]}"; then
    # Lists that are some days old name files that are gone.
    with_progress "$log" "${as_root[@]}" apt-get -o Acquire::Retries=3 update || true
    with_progress "$log" keeping_services_down "${missing[@]}" || {
      tail -n 15 "$log" >&2
      fail "apt-get could not install the packages (all it said: $log)" \
        "no network? no room (df -h)? another apt running? then mend that and start again"
    }
  fi
}

check_distribution() {
  local ID='' VERSION_ID=''
  # shellcheck disable=SC1091
  [[ -r /etc/os-release ]] && . /etc/os-release
  [[ $ID == debian && $VERSION_ID == 12 ]] || note "made for Debian 12; on ${ID:-this system} ${VERSION_ID} names of packages may differ"
}

lists_know() {
  local name
  for name in "$@"; do
    [[ $(LC_ALL=C apt-cache policy "$name" 2>/dev/null) == *'Candidate: '[0-9]* ]] || return 1
  done
}

# apt-get install, with Debian's own switch for "start no service" (policy-rc.d) set while it runs.
keeping_services_down() {
  local policy=/usr/sbin/policy-rc.d name units=() ours=no code=0
  if [[ ! -e $policy ]]; then
    ours=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
    install -y --no-install-recommends "$@" || code=$?
  [[ $ours == no ]] || "${as_root[@]}" rm -f "$policy"
  if [[ -d /run/systemd/system ]]; then
    for name in "$@"; do
      # shellcheck disable=SC2207
      units+=($(service_of_package "$name"))
    done
    ((${#units[@]} == 0)) || "${as_root[@]}" systemctl disable "${units[@]}" || true
  fi
  return "$code"
}
