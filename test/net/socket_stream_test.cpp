// Sockets as streams, against the real kernel.
#include "proxy/net/socket_stream.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <thread>

#include "test/net/loop_fixture.hpp"
#include "test/support/segments.hpp"
#include "test/support/sockets.hpp"

namespace bascule::net {
namespace {

using namespace std::chrono_literals;
using test::Socket;

class SocketStreamTest : public LoopTest {
 protected:
  // A stream of ours, and the other end of its connection.
  struct Pair {
    std::unique_ptr<SocketStream> stream;
    Socket other;
  };

  Pair tcp_pair() {
    test::Listener listener;
    Socket other = Socket::connect(listener.port());
    Socket ours = listener.accept();
    OwnedFd fd(::fcntl(ours.fd(), F_DUPFD_CLOEXEC, 0));
    ::fcntl(fd.get(), F_SETFL, O_NONBLOCK);
    return {std::make_unique<SocketStream>(loop, std::move(fd), SocketStream::Began::connected), std::move(other)};
  }
};

// Reads until the stream ends one way or another.
Async<IoResult> read_to_end(SocketStream& stream, Waiter& waiter, std::string& into) {
  std::array<std::uint8_t, 1000> buffer{};
  for (;;) {
    const IoResult result = stream.read(buffer);
    if (result.status == Io::bytes) {
      into += text_of(Bytes(buffer).first(result.bytes));
      continue;
    }
    if (!result.waits()) { co_return result; }
    const Wake wake = co_await waiter.wait(waiter.loop().now() + 20s);
    if (wake != Wake::ready) { throw std::runtime_error("nothing comes"); }
  }
}

Async<void> read_story(Loop& loop, SocketStream& stream, std::string& into, IoResult& end) {
  Waiter waiter(loop);
  stream.watched_by(&waiter);
  end = co_await read_to_end(stream, waiter, into);
  stream.watched_by(nullptr);
}

TEST_F(SocketStreamTest, ReadsWhatComesAndThenTheEndThoughBothCameTogether) {
  Pair pair = tcp_pair();
  pair.other.send("data and FIN in one go");
  pair.other.close();
  std::string got;
  IoResult last;
  run(read_story(loop, *pair.stream, got, last));
  EXPECT_EQ(got, "data and FIN in one go");
  EXPECT_EQ(last.status, Io::end);
}

TEST_F(SocketStreamTest, ReadsOnAfterAPauseThatWasLongerThanTheData) {
  Pair pair = tcp_pair();
  std::string got;
  IoResult last;
  std::thread slowly([&pair] {
    for (int i = 0; i < 100; ++i) { pair.other.send(std::string(777, static_cast<char>('a' + i % 26))); }
    pair.other.close();
  });
  run(read_story(loop, *pair.stream, got, last));
  slowly.join();
  EXPECT_EQ(got.size(), 77700U);
  EXPECT_EQ(last.status, Io::end);
}

TEST_F(SocketStreamTest, TellsAResetFromAnEnd) {
  Pair pair = tcp_pair();
  pair.other.reset();
  std::string got;
  IoResult last;
  run(read_story(loop, *pair.stream, got, last));
  EXPECT_EQ(last.status, Io::reset);
  EXPECT_EQ(last.error, ECONNRESET);
  EXPECT_EQ(pair.stream->broken(), ECONNRESET);
}

TEST_F(SocketStreamTest, LosesNothingAroundUrgentData) {
  Pair pair = tcp_pair();
  set_urgent_inline(pair.stream->descriptor());
  pair.other.send("before ");
  ASSERT_EQ(::send(pair.other.fd(), "!", 1, MSG_OOB), 1);  // as telnet does
  pair.other.send(" behind");
  pair.other.close();
  std::string got;
  IoResult last;
  run(read_story(loop, *pair.stream, got, last));
  EXPECT_EQ(got, "before ! behind");
  EXPECT_EQ(last.status, Io::end);
}

TEST_F(SocketStreamTest, GivesBackUnreadBytesFirst) {
  Pair pair = tcp_pair();
  pair.other.send("behind");
  pair.other.close();
  pair.stream->unread(bytes_of("before "));
  pair.stream->unread(bytes_of("still "));
  std::string got;
  IoResult last;
  run(read_story(loop, *pair.stream, got, last));
  EXPECT_EQ(got, "still before behind");
}

TEST_F(SocketStreamTest, WritesUntilTheKernelIsFullAndGoesOnWhenThereIsRoom) {
  Pair pair = tcp_pair();
  const std::string data = test::random_bytes(16 * 1024 * 1024, 1);
  std::string got;
  std::thread reads([&] { got = pair.other.receive_all(); });
  bool waited = false;
  const auto story = [](Loop& its_loop, SocketStream& stream, const std::string& all,
                        bool& had_to_wait) -> Async<void> {
    Waiter waiter(its_loop);
    stream.watched_by(&waiter);
    Bytes rest = bytes_of(all);
    while (!rest.empty()) {
      const IoResult result = stream.write(rest);
      if (result.status == Io::bytes) {
        rest = rest.subspan(result.bytes);
        continue;
      }
      had_to_wait = true;
      const Wake wake = co_await waiter.wait(its_loop.now() + 20s);
      if (wake != Wake::ready) { throw std::runtime_error("never writable"); }
    }
    stream.shutdown_write();
    stream.watched_by(nullptr);
  };
  run(story(loop, *pair.stream, data, waited));
  reads.join();
  EXPECT_TRUE(waited);
  EXPECT_EQ(got == data, true);
}

// A packet less for each session that ends: at some 300 us a session, 2 % of it.
TEST_F(SocketStreamTest, TheLastBytesAndTheEndGoAsOne) {
  Pair pair = tcp_pair();
  const auto before = test::segments_sent(pair.stream->descriptor());
  EXPECT_EQ(pair.stream->write_last(bytes_of(std::string_view("farewell"))).bytes, 8U);
  EXPECT_EQ(test::segments_sent(pair.stream->descriptor()) - before, 1U);
  EXPECT_EQ(pair.other.receive_all(), "farewell");
}

TEST_F(SocketStreamTest, LastBytesThatFindNoRoomAreNotTheEndYet) {
  Pair pair = tcp_pair();
  const std::string much = test::random_bytes(16'000'000, 8);
  Bytes rest = bytes_of(much);
  rest = rest.subspan(pair.stream->write_last(rest).bytes);
  ASSERT_FALSE(rest.empty());
  std::string got;
  std::thread reads([&] { got = pair.other.receive_all(); });
  run([](Loop& on, SocketStream& stream, Bytes last) -> Async<void> {
    Waiter waiter(on);
    stream.watched_by(&waiter);
    while (!last.empty()) {
      const IoResult written = stream.write_last(last);
      last = last.subspan(written.bytes);
      if (!written.waits()) { continue; }
      const Wake wake = co_await waiter.wait(on.now() + 20s);
      if (wake != Wake::ready) { throw std::runtime_error("there is never room"); }
    }
    stream.watched_by(nullptr);
  }(loop, *pair.stream, rest));
  reads.join();
  EXPECT_TRUE(got == much);
}

TEST_F(SocketStreamTest, AbortReachesTheOtherSideAtOnceAsAReset) {
  Pair pair = tcp_pair();
  pair.stream->abort();
  EXPECT_EQ(pair.other.receive(), "");
  EXPECT_TRUE(pair.other.was_reset());
}

TEST_F(SocketStreamTest, KnowsHowManyBytesAreNotAcknowledged) {
  Pair pair = tcp_pair();
  EXPECT_EQ(pair.stream->unsent(), 0U);
  const std::string much(256 * 1024, 'x');
  while (pair.stream->write(bytes_of(much)).status == Io::bytes) {}
  EXPECT_GT(pair.stream->unsent(), 0U);
}

TEST_F(SocketStreamTest, AWaiterSaysWhyItWoke) {
  Wake timed_out{};
  Wake stopped{};
  Wake missed{};
  const auto story = [](Loop& its_loop, Wake& first, Wake& second, Wake& third) -> Async<void> {
    Waiter waiter(its_loop);
    first = co_await waiter.wait(its_loop.now() + 20ms);
    waiter.wake();  // between two waits
    second = co_await waiter.wait(never);
    waiter.stop();
    third = co_await waiter.wait(never);
  };
  run(story(loop, timed_out, missed, stopped));
  EXPECT_EQ(timed_out, Wake::timeout);
  EXPECT_EQ(missed, Wake::ready);
  EXPECT_EQ(stopped, Wake::stopped);
}

}  // namespace
}  // namespace bascule::net
