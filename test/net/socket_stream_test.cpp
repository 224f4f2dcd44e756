// Sockets as streams, against the real kernel.
#include "proxy/net/socket_stream.hpp"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

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

// --- by a pipe ---

// Reads what comes to its end, by the pipe where that gives something.
Async<void> pipe_story(Loop& loop, SocketStream& stream, Pipe& pipe, std::string& into, std::size_t& piped,
                       IoResult& end) {
  Waiter waiter(loop);
  stream.watched_by(&waiter);
  std::array<std::uint8_t, 70'000> buffer{};
  for (;;) {
    if (stream.read(pipe, buffer.size()) > 0) {
      const std::size_t count = pipe.read(buffer);
      into += text_of(Bytes(buffer).first(count));
      piped += count;
      continue;
    }
    end = stream.read(buffer);
    if (end.status == Io::bytes) {
      into += text_of(Bytes(buffer).first(end.bytes));
      continue;
    }
    if (!end.waits()) { break; }
    const Wake wake = co_await waiter.wait(loop.now() + 20s);
    if (wake != Wake::ready) { throw std::runtime_error("nothing comes"); }
  }
  stream.watched_by(nullptr);
}

class PipedSocketStream : public SocketStreamTest {
 protected:
  void read_all(SocketStream& stream) { run(pipe_story(loop, stream, pipe, got, piped, end)); }

  Pipe pipe{std::size_t{1024} * 1024};
  std::string got;
  std::size_t piped = 0;
  IoResult end;
};

TEST_F(PipedSocketStream, ReadsAllThatComesAndItsEnd) {
  Pair pair = tcp_pair();
  const std::string data = test::random_bytes(8 * 1024 * 1024, 3);
  std::thread sends([&] {
    pair.other.send(data);
    pair.other.close();
  });
  read_all(*pair.stream);
  sends.join();
  EXPECT_TRUE(got == data);
  EXPECT_GT(piped, data.size() / 2);
  EXPECT_EQ(end.status, Io::end);
}

TEST_F(PipedSocketStream, ReadsManySmallSegmentsToTheLast) {
  Pair pair = tcp_pair();
  const int at_once = 1;
  ::setsockopt(pair.other.fd(), IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
  std::string data;
  for (int i = 0; i < 3000; ++i) {
    const std::string piece = test::random_bytes(1 + static_cast<std::size_t>(i) % 40, static_cast<std::uint32_t>(i));
    pair.other.send(piece);
    data += piece;
  }
  pair.other.close();
  read_all(*pair.stream);
  EXPECT_TRUE(got == data);
  EXPECT_EQ(end.status, Io::end);
}

// The kernel says an error once. Had the pipe's read heard it, the next would look like a clean end.
TEST_F(PipedSocketStream, TellsAResetFromAnEnd) {
  for (int i = 0; i < 50; ++i) {
    Pair pair = tcp_pair();
    std::thread resets([&] { pair.other.reset(); });
    read_all(*pair.stream);
    resets.join();
    ASSERT_EQ(end.status, Io::reset);
    ASSERT_EQ(end.error, ECONNRESET);
  }
}

// Nothing has told us of the reset but the pipe's read itself.
TEST_F(PipedSocketStream, KnowsOfAResetThatOnlyThePipeHasHeardOf) {
  Pair pair = tcp_pair();
  run([](Loop& on, SocketStream& stream, Socket& other) -> Async<void> {
    Waiter waiter(on);
    stream.watched_by(&waiter);
    other.send("x");
    std::array<std::uint8_t, 1> byte{};
    while (stream.read(byte).waits()) {
      const Wake wake = co_await waiter.wait(on.now() + 20s);
      if (wake != Wake::ready) { throw std::runtime_error("nothing comes"); }
    }
    stream.watched_by(nullptr);
  }(loop, *pair.stream, pair.other));
  pair.other.reset();  // the loop does not run, so no event says so
  EXPECT_EQ(pair.stream->read(pipe, 100), 0U);
  std::array<std::uint8_t, 1> byte{};
  const IoResult result = pair.stream->read(byte);
  EXPECT_EQ(result.status, Io::reset);
  EXPECT_EQ(result.error, ECONNRESET);
}

TEST_F(PipedSocketStream, HasGivenBackBytesFirst) {
  Pair pair = tcp_pair();
  pair.other.send(" and behind");
  pair.other.close();
  pair.stream->unread(bytes_of("before"));
  read_all(*pair.stream);
  EXPECT_EQ(got, "before and behind");
}

TEST_F(PipedSocketStream, LosesNothingAroundUrgentData) {
  Pair pair = tcp_pair();
  set_urgent_inline(pair.stream->descriptor());
  pair.other.send("before ");
  ASSERT_EQ(::send(pair.other.fd(), "!", 1, MSG_OOB), 1);
  pair.other.send(" behind");
  pair.other.close();
  read_all(*pair.stream);
  EXPECT_EQ(got, "before ! behind");
}

void fill(Pipe& pipe, std::string_view bytes) {
  const ssize_t put = ::write(pipe.entry(), bytes.data(), bytes.size());
  ASSERT_EQ(put, static_cast<ssize_t>(bytes.size()));
  pipe.entered(bytes.size());
}

TEST_F(PipedSocketStream, WritesAHeadAndWhatThePipeHolds) {
  Pair pair = tcp_pair();
  fill(pipe, "what follows");
  EXPECT_EQ(pair.stream->write(bytes_of("head, "), pipe).bytes, 6U);
  EXPECT_EQ(pipe.holds(), 0U);
  pair.stream->shutdown_write();
  EXPECT_EQ(pair.other.receive_all(), "head, what follows");
}

TEST_F(PipedSocketStream, LeavesInThePipeWhatFindsNoRoom) {
  Pair pair = tcp_pair();
  const std::string piece = test::random_bytes(200'000, 5);
  std::string sent;
  IoResult result;
  for (;;) {
    fill(pipe, piece);
    result = pair.stream->write(bytes_of("head"), pipe);
    if (result.waits()) { break; }
    ASSERT_EQ(result.status, Io::bytes);
    sent += std::string("head").substr(0, result.bytes) + piece.substr(0, piece.size() - pipe.holds());
    if (pipe.holds() > 0) { break; }
  }
  EXPECT_GT(pipe.holds(), 0U);
  pair.stream->shutdown_write();
  EXPECT_TRUE(pair.other.receive_all() == sent);
}

TEST_F(PipedSocketStream, SaysThatTheOtherSideIsGoneWhenItWrites) {
  Pair pair = tcp_pair();
  pair.other.reset();
  fill(pipe, "nobody hears this");
  const IoResult result = pair.stream->write(bytes_of("head"), pipe);
  EXPECT_EQ(result.status, Io::reset);
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
