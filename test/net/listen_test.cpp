#include "proxy/net/listen.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cerrno>

#include "proxy/net/socket_address.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::net {
namespace {

TEST(ListenOn, OpensANonBlockingSocketThatClosesOnExec) {
  const auto socket = listen_on(*Address::parse_ip("127.0.0.1", 0), {});
  ASSERT_TRUE(socket.ok());
  EXPECT_NE(::fcntl(socket->get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_NE(::fcntl(socket->get(), F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_GT(local_address(socket->get()).port(), 0);
}

TEST(ListenOn, AllAddressesMeansBothFamilies) {
  const auto socket = listen_on(*Address::parse_ip("::", 0), {});
  ASSERT_TRUE(socket.ok()) << socket.error().text;
  EXPECT_NO_THROW(test::Socket::connect(local_address(socket->get()).port()));
}

TEST(ListenOn, SaysWhoStandsInTheWay) {
  const test::Listener taken;
  const auto socket = listen_on(*Address::parse_ip("127.0.0.1", taken.port()), {});
  ASSERT_FALSE(socket.ok());
  EXPECT_EQ(socket.error().error, EADDRINUSE);
  EXPECT_NE(socket.error().text.find("another program already does"), std::string::npos);
  const auto nowhere = listen_on(*Address::parse_ip("192.0.2.1", 0), {});
  ASSERT_FALSE(nowhere.ok());
  EXPECT_NE(nowhere.error().text.find("no such address"), std::string::npos);
}

TEST(ListenOn, SharesAPortWithThoseWhoShareIt) {
  const auto first = listen_on(*Address::parse_ip("127.0.0.1", 0), {.share_port = true});
  ASSERT_TRUE(first.ok());
  const Address there = local_address(first->get());
  EXPECT_TRUE(listen_on(there, {.share_port = true}).ok());
  EXPECT_EQ(listen_on(there, {}).error().error, EADDRINUSE);

  const test::Listener alone;
  const auto refused = listen_on(*Address::parse_ip("127.0.0.1", alone.port()), {.share_port = true});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().text.find("does not share the port"), std::string::npos);
}

TEST(ListenOn, GivesASocketFileItsModeAndReplacesAStaleOne) {
  const test::TemporaryFolder folder;
  const Address address = Address::unix_path(folder.path("s"));
  for (int round = 0; round < 2; ++round) {  // the first one leaves its file behind
    const auto socket = listen_on(address, {.mode = 0600});
    ASSERT_TRUE(socket.ok()) << socket.error().text;
    struct stat found {};
    ASSERT_EQ(::stat(address.path().c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600U);
  }
  folder.write("file", "not a socket");
  EXPECT_FALSE(listen_on(Address::unix_path(folder.path("file")), {.mode = 0600}).ok());
}

}  // namespace
}  // namespace bascule::net
