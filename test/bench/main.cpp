// bascule_load: plays the clients and the service on both sides of a proxy, and says what the proxy paid for it.
#include <sys/resource.h>

#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include "test/bench/options.hpp"
#include "test/bench/works.hpp"

namespace {

using namespace bascule::bench;

void allow_many_descriptors() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
  }
}

std::string run(const Options& options) {
  switch (options.work) {
    case Work::down:
    case Work::up: return measure_bulk(options);
    case Work::echo: return measure_echo(options);
    case Work::setup: return measure_setups(options);
    case Work::steady: return measure_steady(options);
    case Work::idle: return measure_idle(options);
    case Work::hold: return hold(options);
    case Work::logins: return measure_beside_logins(options);
    case Work::handshakes: return measure_beside_handshakes(options);
    case Work::crowds: return measure_beside_crowds(options);
    case Work::verify: return verify(options);
  }
  return {};
}

}  // namespace

int main(int count, char** words) {
  try {
    const Options options = read_options(count, words);
    std::signal(SIGPIPE, SIG_IGN);  // sendfile(2) has no MSG_NOSIGNAL
    allow_many_descriptors();
    std::puts(run(options).c_str());
    return 0;
  } catch (const UsageError& error) {
    std::fprintf(stderr, "bascule_load: %s\n%s", error.what(), usage().c_str());
    return 2;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bascule_load: %s\n", error.what());
    return 1;
  }
}
