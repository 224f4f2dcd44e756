#include "proxy/auth/hashing.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "test/net/loop_fixture.hpp"

namespace bascule::auth {
namespace {

using namespace std::chrono_literals;
using net::Async;
using net::Waiter;
using Said = Hashing::Said;

// A hash that takes as long as the test likes: it begins, and waits to be let on.
class Gate {
 public:
  bool matches(std::string_view password, std::string_view hash) {
    std::unique_lock lock(mutex_);
    ++begun_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    return password == hash;
  }

  void wait_until_begun(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return begun_ >= count; });
  }

  void open() {
    const std::lock_guard lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }

  int begun() const {
    const std::lock_guard lock(mutex_);
    return begun_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  int begun_ = 0;
  bool open_ = false;
};

// One who asks: a coroutine on the loop.
struct Asker {
  explicit Asker(net::Loop& loop) : waiter(loop) {}
  Waiter waiter;
  std::optional<Said> said;
};

class HashingTest : public net::LoopTest {
 protected:
  static Hashing::Matches through(Gate& gate) {
    return [&gate](std::string_view password, std::string_view hash) { return gate.matches(password, hash); };
  }

  // Begins to ask. Ask all first, then run the loop with story().
  Asker& ask(Hashing& hashing, const std::string& password, const std::string& hash, Duration patience = 60s) {
    Asker& asker = askers_.emplace_back(loop);
    asio::co_spawn(loop.executor(), ask_for(hashing, asker, password, hash, loop.now() + patience),
                   [](const std::exception_ptr& failure) { EXPECT_EQ(failure, nullptr); });
    return asker;
  }

  static Async<void> ask_for(Hashing& hashing, Asker& asker, std::string password, std::string hash,
                             TimePoint deadline) {
    const Said said = co_await hashing.matches(asker.waiter, std::move(password), std::move(hash), deadline);
    asker.said = said;
  }

  // Until this one has been told something.
  void run_until_told(const Asker& asker) { run(until_told(asker)); }

  Async<void> until_told(const Asker& asker) {
    Waiter waiter(loop);
    while (!asker.said) { co_await waiter.pass(); }
  }

  // Lets those who ask do so, and waits until so many hashes have been begun.
  Async<void> pass_on_when_begun(Gate& gate, int count) {
    Waiter waiter(loop);
    co_await waiter.pass();
    gate.wait_until_begun(count);
  }

  std::deque<Asker> askers_;
};

TEST_F(HashingTest, TellsTheRightPasswordFromAWrongOne) {
  Hashing hashing({.threads = 2});
  const std::string hash = "{SHA}0nofEXcSAJSXFLGvmfBIpBb11vQ=";  // of "right"; htpasswd -s
  const Asker& right = ask(hashing, "right", hash);
  const Asker& wrong = ask(hashing, "wrong", hash);
  const Asker& unknown = ask(hashing, "right", "no hash at all");
  for (const Asker* asker : {&right, &wrong, &unknown}) { run_until_told(*asker); }
  EXPECT_EQ(right.said, Said::yes);
  EXPECT_EQ(wrong.said, Said::no);
  EXPECT_EQ(unknown.said, Said::no);
}

TEST_F(HashingTest, ComputesBesideTheLoopAtTheLowestPriority) {
  std::atomic<int> nice = -100;
  std::atomic<pid_t> thread = 0;
  Hashing hashing({.threads = 1}, [&](std::string_view, std::string_view) {
    thread = ::gettid();
    nice = ::getpriority(PRIO_PROCESS, 0);
    return true;
  });
  run_until_told(ask(hashing, "a", "a"));
  EXPECT_NE(thread, ::gettid());
  EXPECT_EQ(nice, 19);
}

TEST_F(HashingTest, SaysBusyWhenTheQueueIsFull) {
  Gate gate;
  Hashing hashing({.threads = 1, .queue_max = 2}, through(gate));
  Asker& first = ask(hashing, "a", "a");
  run(pass_on_when_begun(gate, 1));  // it waits no more, it is being computed
  Asker& second = ask(hashing, "b", "b");
  Asker& third = ask(hashing, "c", "not c");
  Asker& fourth = ask(hashing, "d", "d");
  run_until_told(fourth);
  EXPECT_EQ(fourth.said, Said::busy);
  EXPECT_FALSE(first.said || second.said || third.said);
  gate.open();
  run_until_told(third);
  EXPECT_EQ(first.said, Said::yes);
  EXPECT_EQ(second.said, Said::yes);
  EXPECT_EQ(third.said, Said::no);
  EXPECT_EQ(gate.begun(), 3);
}

TEST_F(HashingTest, NeverComputesForWhomeverHasGone) {
  Gate gate;
  Hashing hashing({.threads = 1, .queue_max = 2}, through(gate));
  Asker& first = ask(hashing, "a", "a");
  run(pass_on_when_begun(gate, 1));
  Asker& gone = ask(hashing, "b", "b");
  Asker& late = ask(hashing, "c", "c", 20ms);
  run_until_told(late);
  EXPECT_EQ(late.said, Said::late);
  gone.waiter.stop();
  run_until_told(gone);
  EXPECT_EQ(gone.said, Said::stopped);

  Asker& last = ask(hashing, "d", "d");
  run(pass_on_when_begun(gate, 1));
  EXPECT_FALSE(last.said) << "they do not stand in the way of others either";
  gate.open();
  run_until_told(last);
  EXPECT_EQ(first.said, Said::yes);
  EXPECT_EQ(last.said, Said::yes);
  EXPECT_EQ(gate.begun(), 2) << "the first and the last";
}

TEST_F(HashingTest, TellsThoseWhoWaitWhenItGoes) {
  Gate gate;
  auto hashing = std::make_unique<Hashing>(Hashing::Options{.threads = 1}, through(gate));
  Asker& first = ask(*hashing, "a", "a");
  run(pass_on_when_begun(gate, 1));
  Asker& second = ask(*hashing, "b", "b");
  run(pass_on_when_begun(gate, 1));
  gate.open();
  hashing.reset();
  run_until_told(second);
  run_until_told(first);
  EXPECT_EQ(first.said, Said::yes);
  EXPECT_TRUE(second.said == Said::stopped || second.said == Said::yes) << "whichever came first";
}

TEST(Hashing, MayOutliveTheLoopThatAsked) {
  Gate gate;
  Hashing hashing({.threads = 1}, [&](std::string_view a, std::string_view b) { return gate.matches(a, b); });
  struct Story {
    static Async<void> tell(Hashing& hashing, Waiter& waiter, Said& said) {
      const Said answer = co_await hashing.matches(waiter, "a", "a", never);
      said = answer;
    }
    static Async<void> leave(Waiter& asker, Gate& gate, net::Loop& loop) {
      Waiter waiter(loop);
      co_await waiter.pass();
      gate.wait_until_begun(1);
      asker.stop();
      loop.stop();
    }
  };
  Said said = Said::busy;
  {
    net::Loop loop;
    Waiter asker(loop);
    const auto on_end = [](const std::exception_ptr& failure) { EXPECT_EQ(failure, nullptr); };
    asio::co_spawn(loop.executor(), Story::tell(hashing, asker, said), on_end);
    asio::co_spawn(loop.executor(), Story::leave(asker, gate, loop), on_end);
    loop.post([] {});
    loop.run();
  }
  gate.open();
  EXPECT_EQ(said, Said::stopped);
}

}  // namespace
}  // namespace bascule::auth
