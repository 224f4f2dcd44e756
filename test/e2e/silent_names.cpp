// For LD_PRELOAD: a resolver that never hears of names below `silent.example` again, as one does whose name server is
// gone. All other names are looked up as ever.
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

#include <string_view>

// The C library's function; `noexcept` and the C linkage are its header's.
int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** result) {
  if (name != nullptr && std::string_view(name).ends_with(".silent.example")) {
    for (;;) { pause(); }
  }
  static const auto next = reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return next(name, service, hints, result);
}
