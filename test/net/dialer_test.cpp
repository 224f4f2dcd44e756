#include "proxy/net/dialer.hpp"

#include <atomic>
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

// --- where the service must be ---------------------------------------------------------------------------------------

std::vector<Network> networks(const std::vector<const char*>& written) {
  std::vector<Network> result;
  for (const char* network : written) { result.push_back(*Network::parse(network)); }
  return result;
}

// Answers every name with these addresses, and counts how often it is asked.
struct NamesAre {
  explicit NamesAre(std::vector<Address> addresses)
      : resolver(Resolver::Options{.keep_found = 0ms}, [this, addresses](const std::string&) {
          ++asked;
          return Resolved{.how = Resolved::How::found, .addresses = addresses, .reason = {}};
        }) {}
  std::atomic<int> asked = 0;
  Resolver resolver;
};

TEST_F(DialerTest, DialsOnlyAddressesThatAreWithin) {
  test::Listener service;  // listens on 127.0.0.1
  const auto allowed = networks({"127.0.0.2", "127.0.0.16/28"});
  NamesAre names({local(0, 1), local(0, 2), local(0, 17), local(0, 1)});
  const auto dialed =
      dial_now(names.resolver, {.address = {}, .name = "desk", .port = service.port()}, {.within = &allowed});
  ASSERT_FALSE(dialed.ok()) << "it was reached at an address that is outside";
  EXPECT_EQ(dialed.error().why, Why::refused);
  EXPECT_EQ(dialed.error().detail, local(service.port(), 17).text() + ": Connection refused") << "the last one tried";
  EXPECT_EQ(names.asked, 1) << "what was checked is what is dialled, not what a second look-up gives";
}

TEST_F(DialerTest, ReachesTheOneAddressThatIsWithin) {
  test::Listener service;
  const auto allowed = networks({"127.0.0.1"});
  NamesAre names({local(0, 2), *Address::parse_ip("::1", 0), local(0, 1)});
  const auto dialed =
      dial_now(names.resolver, {.address = {}, .name = "desk", .port = service.port()}, {.within = &allowed});
  ASSERT_TRUE(dialed.ok());
  EXPECT_EQ(dialed->address, local(service.port()));
}

TEST_F(DialerTest, TellsWhatANameOutsideResolvedTo) {
  const auto allowed = networks({"10.0.0.0/8", "fd00::/8"});
  NamesAre names({*Address::parse_ip("169.254.169.254", 0), *Address::parse_ip("::1", 0)});
  const auto dialed = dial_now(names.resolver, {.address = {}, .name = "metadata", .port = 80}, {.within = &allowed});
  ASSERT_FALSE(dialed.ok());
  EXPECT_EQ(dialed.error().why, Why::outside);
  EXPECT_EQ(dialed.error().detail, "metadata is 169.254.169.254, ::1: not within 10.0.0.0/8, fd00::/8");
}

TEST_F(DialerTest, NamesAFewOfManyAddressesThatAreOutside) {
  const auto allowed = networks({"10.0.0.0/8"});
  std::vector<Address> addresses{local(0, 1), local(0, 2), local(0, 3), local(0, 4)};
  const auto told = [&] {
    NamesAre names(addresses);
    return dial_now(names.resolver, {.address = {}, .name = "many", .port = 80}, {.within = &allowed}).error().detail;
  };
  EXPECT_EQ(told(), "many is 127.0.0.1, 127.0.0.2, 127.0.0.3, 127.0.0.4: not within 10.0.0.0/8");
  for (std::uint8_t last = 5; last <= 200; ++last) { addresses.push_back(local(0, last)); }
  EXPECT_EQ(told(), "many is 127.0.0.1, 127.0.0.2, 127.0.0.3, 127.0.0.4 and 196 more: not within 10.0.0.0/8");
}

TEST_F(DialerTest, DisguisesOfAnAddressAreSeenThrough) {
  const auto allowed = networks({"10.0.0.0/8"});
  // The system's resolver takes such names for addresses: decimal, octal, hexadecimal, short, mapped, with a scope.
  Resolver resolver{Resolver::Options{}};
  for (const char* name :
       {"2130706433", "0177.0.0.1", "0x7f.1", "127.1", "::ffff:127.0.0.1", "fe80::1%lo", "localhost"}) {
    const auto dialed = dial_now(resolver, {.address = {}, .name = name, .port = 80}, {.within = &allowed});
    ASSERT_FALSE(dialed.ok()) << name;
    EXPECT_EQ(dialed.error().why, Why::outside) << name << ": " << dialed.error().detail;
  }
}

TEST_F(DialerTest, ChecksAddressesThatWereNotLookedUpToo) {
  test::Listener service;
  const auto elsewhere = networks({"10.0.0.0/8"});
  const auto literal = dial_now(nobody, {.address = local(service.port()), .name = {}}, {.within = &elsewhere});
  ASSERT_FALSE(literal.ok());
  EXPECT_EQ(literal.error().why, Why::outside);
  EXPECT_EQ(literal.error().detail, "127.0.0.1: not within 10.0.0.0/8");

  const test::TemporaryFolder folder;
  test::Listener on_unix(folder.path("s"));
  const auto path =
      dial_now(nobody, {.address = Address::unix_path(folder.path("s")), .name = {}}, {.within = &elsewhere});
  ASSERT_FALSE(path.ok());
  EXPECT_EQ(path.error().why, Why::outside);

  const std::vector<Network> none;
  EXPECT_TRUE(dial_now(nobody, {.address = local(service.port()), .name = {}}, {.within = &none}).ok()) << "anywhere";
}

TEST_F(DialerTest, AsksInTheLaneItIsTold) {
  Resolver resolver(Resolver::Options{.pending_max = 0}, [](const std::string&) {
    return Resolved{.how = Resolved::How::unknown, .addresses = {}, .reason = "no such name"};
  });
  const auto visitor = dial_now(resolver, {.address = {}, .name = "desk", .port = 1},
                                {.lane = {.kind = Lane::Kind::visitor, .key = "desks"}});
  ASSERT_FALSE(visitor.ok());
  EXPECT_EQ(visitor.error().why, Why::short_of) << "no visitor may ask anything here";
  const auto fixed = dial_now(resolver, {.address = {}, .name = "desk", .port = 1});
  ASSERT_FALSE(fixed.ok());
  EXPECT_EQ(fixed.error().why, Why::unresolved);
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
