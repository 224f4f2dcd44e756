#include "test/support/segments.hpp"

#include <linux/tcp.h>  // netinet/tcp.h has an older tcp_info, and the two do not bear each other
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

namespace bascule::test {

std::uint32_t segments_sent(int socket) {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
    throw std::system_error(errno, std::generic_category(), "TCP_INFO");
  }
  return info.tcpi_segs_out - info.tcpi_total_retrans;
}

}  // namespace bascule::test
