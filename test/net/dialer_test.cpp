#include "proxy/net/dialer.hpp"

#include <future>
#include <optional>

#include "test/net/loop_fixture.hpp"
#include "test/support/bascule_process.hpp"
#include "test/support/sockets.hpp"

namespace bascule::net {
namespace {

using namespace std::chrono_literals;
using Why = DialError::Why;

Address local(std::uint16_t port, std::uint8_t last = 1) {
  return Address::ipv4({127, 0, 0, last}, port);
}

class DialerTest : public LoopTest {
 protected:
  Result<Dialed, DialError> dial_now(Resolver& resolver, const DialTarget& target, DialOptions options = {}) {
    std::optional<Result<Dialed, DialError>> result;
    if (options.deadline == never) { options.deadline = loop.now() + 20s; }
    run(story(resolver, target, options, result));
    return std::move(*result);
  }

  Async<void> story(Resolver& resolver, const DialTarget& target, const DialOptions& options,
                    std::optional<Result<Dialed, DialError>>& into) {
    Waiter waiter(loop);
    auto result = co_await dial(waiter, resolver, target, options);
    into.emplace(std::move(result));
  }

  Resolver nobody{Resolver::Options{}, [](const std::string&) { return Resolved{}; }};
};

TEST_F(DialerTest, ReachesAnAddress) {
  test::Listener service;
  auto dialed = dial_now(nobody, {.address = local(service.port()), .name = {}});
  ASSERT_TRUE(dialed.ok());
  test::Socket served = service.accept();
  EXPECT_EQ(dialed->stream->write(bytes_of("hello")).bytes, 5U);
  EXPECT_EQ(served.receive_exactly(5), "hello");
}

TEST_F(DialerTest, ReachesAUnixSocket) {
  const test::TemporaryFolder folder;
  test::Listener service(folder.path("s"));
  EXPECT_TRUE(dial_now(nobody, {.address = Address::unix_path(folder.path("s")), .name = {}}).ok());
  const auto missing = dial_now(nobody, {.address = Address::unix_path(folder.path("missing")), .name = {}});
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().why, Why::refused);
}

TEST_F(DialerTest, TellsARefusalWithTheAddress) {
  const test::DeadPort dead;
  const auto dialed = dial_now(nobody, {.address = local(dead.port()), .name = {}});
  ASSERT_FALSE(dialed.ok());
  EXPECT_EQ(dialed.error().why, Why::refused);
  EXPECT_EQ(dialed.error().detail, local(dead.port()).text() + ": Connection refused");
}

TEST_F(DialerTest, GoesOnToTheNextAddressOfAName) {
  // The service answers on 127.0.0.1 only; of the name's addresses it is the last.
  test::Listener service;
  Resolver resolver(Resolver::Options{}, [](const std::string&) {
    return Resolved{.how = Resolved::How::found, .addresses = {local(0, 3), local(0, 2), local(0, 1)}, .reason = {}};
  });
  auto dialed = dial_now(resolver, {.address = {}, .name = "three", .port = service.port()});
  ASSERT_TRUE(dialed.ok());
  EXPECT_EQ(dialed->address, local(service.port()));
}

TEST_F(DialerTest, TriesTheNextAddressBesideOneThatDoesNotAnswer) {
  test::Listener full(0);
  const test::Socket in_its_queue = test::Socket::connect(full.port());
  // Nobody listens on the second address: when that one has failed, the first is still waited for.
  Resolver resolver(Resolver::Options{}, [](const std::string&) {
    return Resolved{.how = Resolved::How::found, .addresses = {local(0, 1), local(0, 2)}, .reason = {}};
  });
  const auto dialed = dial_now(resolver, {.address = {}, .name = "two", .port = full.port()},
                               {.deadline = loop.now() + 400ms, .attempt_head_start = 10ms});
  ASSERT_FALSE(dialed.ok());
  EXPECT_EQ(dialed.error().why, Why::timed_out) << "the first stays under way when the second fails";
}

TEST_F(DialerTest, HasOneDeadlineForTheNameToo) {
  std::promise<void> late;
  std::shared_future<void> gate = late.get_future().share();
  Resolver resolver(Resolver::Options{}, [gate](const std::string&) {
    gate.wait();
    return Resolved{};
  });
  const auto dialed = dial_now(resolver, {.address = {}, .name = "slow", .port = 1}, {.deadline = loop.now() + 50ms});
  ASSERT_FALSE(dialed.ok());
  EXPECT_EQ(dialed.error().why, Why::timed_out);
  late.set_value();
}

TEST_F(DialerTest, TellsAnUnknownNameFromABusyResolver) {
  Resolver unknown(Resolver::Options{}, [](const std::string&) {
    return Resolved{.how = Resolved::How::unknown, .addresses = {}, .reason = "no such name"};
  });
  const auto no_name = dial_now(unknown, {.address = {}, .name = "nowhere", .port = 1});
  ASSERT_FALSE(no_name.ok());
  EXPECT_EQ(no_name.error().why, Why::unresolved);
  EXPECT_EQ(no_name.error().detail, "nowhere: no such name");
}

TEST(Interleaved, LetsTheFamiliesTakeTurns) {
  const Address a4 = local(1, 1);
  const Address b4 = local(1, 2);
  const Address c4 = local(1, 3);
  const Address a6 = *Address::parse_ip("::1", 1);
  EXPECT_EQ(interleaved({a4, b4, c4, a6}), (std::vector<Address>{a4, a6, b4, c4}));
  EXPECT_EQ(interleaved({a6, a4, b4}), (std::vector<Address>{a6, a4, b4}));
  EXPECT_EQ(interleaved({}), std::vector<Address>{});
}

}  // namespace
}  // namespace bascule::net
