#include "proxy/relay/outbox.hpp"

#include <gtest/gtest.h>

#include "proxy/relay/workbench.hpp"
#include "test/support/scripted_stream.hpp"

namespace bascule::relay {
namespace {

TEST(Outbox, KeepsTheOrderAndForgetsWhatWasTaken) {
  Budget budget;
  test::ScriptedStream stream;
  Outbox outbox;
  outbox.append(budget, bytes_of("one "));
  outbox.append(budget, bytes_of("two"));
  stream.take(5);
  EXPECT_EQ(outbox.flush(stream).bytes, 5U);
  EXPECT_EQ(outbox.size(), 2U);
  EXPECT_EQ(outbox.flush(stream).status, Io::wants_writable);
  stream.take_all();
  outbox.append(budget, bytes_of("!"));
  EXPECT_EQ(outbox.flush(stream).bytes, 3U);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(stream.written(), "one two!");
}

TEST(Outbox, ThatIsNeverQuiteEmptyDoesNotKeepWhatItSent) {
  Budget budget;
  test::ScriptedStream stream;
  Outbox outbox;
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    outbox.append(budget, bytes_of("0123456789"));
    all += "0123456789";
    stream.take(9);
    outbox.flush(stream);
    EXPECT_EQ(budget.bytes(), outbox.size());
  }
  stream.take_all();
  outbox.flush(stream);
  EXPECT_EQ(stream.written(), all);
  EXPECT_EQ(budget.bytes(), 0U);
}

TEST(Outbox, CountsInTheWorkersBudgetForAsLongAsItHoldsSomething) {
  Budget budget;
  test::ScriptedStream stream;
  {
    Outbox first;
    Outbox second;
    first.append(budget, Bytes(std::vector<std::uint8_t>(100)));
    second.append(budget, Bytes(std::vector<std::uint8_t>(10)));
    EXPECT_EQ(budget.bytes(), 110U);
    stream.take(30);
    first.flush(stream);
    EXPECT_EQ(budget.bytes(), 80U);
    first.clear();
    EXPECT_EQ(budget.bytes(), 10U);
  }
  EXPECT_EQ(budget.bytes(), 0U);
}

TEST(Outbox, MakesReadsSmallerWhenTheWorkersBudgetIsUsedUp) {
  Workbench bench(1);
  EXPECT_EQ(bench.scratch().size(), Workbench::read_bytes);
  Outbox outbox;
  outbox.append(bench.budget(), Bytes(std::vector<std::uint8_t>(33 * 1024 * 1024)));
  EXPECT_EQ(bench.scratch().size(), Workbench::read_bytes_when_tight);
  outbox.clear();
  EXPECT_EQ(bench.scratch().size(), Workbench::read_bytes);
}

}  // namespace
}  // namespace bascule::relay
