#include "proxy/net/acceptor.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <vector>

#include "proxy/net/listen.hpp"
#include "proxy/net/socket_address.hpp"
#include "test/net/loop_fixture.hpp"
#include "test/support/sockets.hpp"

namespace bascule::net {
namespace {

class AcceptorTest : public LoopTest {
 protected:
  OwnedFd listening = std::move(*listen_on(*Address::parse_ip("127.0.0.1", 0), {}));
  std::uint16_t port = local_address(listening.get()).port();
};

TEST_F(AcceptorTest, TakesEveryoneAndSaysWhereTheyComeFrom) {
  constexpr std::size_t visitors = 200;
  std::vector<test::Socket> clients;
  for (std::size_t i = 0; i < visitors; ++i) { clients.push_back(test::Socket::connect(port)); }
  std::size_t taken = 0;
  const Acceptor acceptor(
      loop, std::move(listening),
      [&](OwnedFd socket, const Address& client) {
        EXPECT_TRUE(socket);
        EXPECT_TRUE(client.is_loopback());
        if (++taken == visitors) { loop.stop(); }
      },
      [](int) { FAIL(); });
  loop.run();
  EXPECT_EQ(taken, visitors);
}

TEST_F(AcceptorTest, WaitsThroughAShortageOfDescriptorsAndGoesOnByItself) {
  std::vector<test::Socket> clients;
  for (int i = 0; i < 3; ++i) { clients.push_back(test::Socket::connect(port)); }
  int shortages = 0;
  int taken = 0;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const Acceptor acceptor(
      loop, std::move(listening),
      [&](OwnedFd, const Address&) {
        if (++taken == 3) { loop.stop(); }
      },
      [&](int error) {
        EXPECT_EQ(error, EMFILE);
        ++shortages;
        ::setrlimit(RLIMIT_NOFILE, &before);
      });
  rlimit none = before;
  none.rlim_cur = 3;
  ::setrlimit(RLIMIT_NOFILE, &none);
  loop.run();
  EXPECT_EQ(taken, 3);
  EXPECT_EQ(shortages, 1);
}

}  // namespace
}  // namespace bascule::net
