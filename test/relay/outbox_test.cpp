#include "proxy/relay/outbox.hpp"

#include <gtest/gtest.h>

#include "test/support/scripted_stream.hpp"

namespace bascule::relay {
namespace {

TEST(Outbox, KeepsTheOrderAndForgetsWhatWasTaken) {
  Workbench bench(1);
  test::ScriptedStream stream;
  Outbox outbox(bench);
  outbox.append(bytes_of("one "));
  outbox.append(bytes_of("two"));
  stream.take(5);
  EXPECT_EQ(outbox.flush(stream).bytes, 5U);
  EXPECT_EQ(outbox.size(), 2U);
  EXPECT_EQ(outbox.flush(stream).status, Io::wants_writable);
  stream.take_all();
  outbox.append(bytes_of("!"));
  EXPECT_EQ(outbox.flush(stream).bytes, 3U);
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(stream.written(), "one two!");
}

TEST(Outbox, ThatIsNeverQuiteEmptyDoesNotKeepWhatItSent) {
  Workbench bench(1);
  test::ScriptedStream stream;
  Outbox outbox(bench);
  std::string all;
  for (int i = 0; i < 1000; ++i) {
    outbox.append(bytes_of("0123456789"));
    all += "0123456789";
    stream.take(9);
    outbox.flush(stream);
    EXPECT_EQ(bench.budget().bytes(), outbox.size());
  }
  stream.take_all();
  outbox.flush(stream);
  EXPECT_EQ(stream.written(), all);
  EXPECT_EQ(bench.budget().bytes(), 0U);
}

TEST(Outbox, CountsInTheWorkersBudgetForAsLongAsItHoldsSomething) {
  Workbench bench(1);
  test::ScriptedStream stream;
  {
    Outbox first(bench);
    Outbox second(bench);
    first.append(Bytes(std::vector<std::uint8_t>(100)));
    second.append(Bytes(std::vector<std::uint8_t>(10)));
    EXPECT_EQ(bench.budget().bytes(), 110U);
    stream.take(30);
    first.flush(stream);
    EXPECT_EQ(bench.budget().bytes(), 80U);
    first.clear();
    EXPECT_EQ(bench.budget().bytes(), 10U);
  }
  EXPECT_EQ(bench.budget().bytes(), 0U);
}

TEST(Outbox, MakesReadsSmallerWhenTheWorkersBudgetIsUsedUp) {
  Workbench bench(1);
  EXPECT_EQ(bench.scratch().size(), Workbench::read_bytes);
  Outbox outbox(bench);
  outbox.append(Bytes(std::vector<std::uint8_t>(33 * 1024 * 1024)));
  EXPECT_EQ(bench.scratch().size(), Workbench::read_bytes_when_tight);
  outbox.clear();
  EXPECT_EQ(bench.scratch().size(), Workbench::read_bytes);
}

}  // namespace
}  // namespace bascule::relay
