#include "proxy/config/mistake_list.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using testing::ElementsAre;

YamlNode node_at(int line, int column) {
  YamlNode node;
  node.line = line;
  node.column = column;
  return node;
}

TEST(MistakeList, KeepsTheOrderOfFilesAndOfPlaces) {
  MistakeList list;
  list.enter("b.yaml");
  list.enter("a.yaml");
  list.add(node_at(2, 1), "fourth");
  list.add(node_at(1, 7), "third");
  list.enter("b.yaml");
  list.add(node_at(9, 9), "second");
  list.add(node_at(9, 1), "first");
  EXPECT_FALSE(list.empty());
  EXPECT_THAT(texts_with_files_of(list.take()),
              ElementsAre("b.yaml:9:1: first", "b.yaml:9:9: second", "a.yaml:1:7: third", "a.yaml:2:1: fourth"));
}

TEST(MistakeList, StopsAt200AndCountsTheRest) {
  MistakeList list("a.yaml", "warnings");
  for (int i = 0; i < 205; ++i) { list.add(node_at(i + 1, 1), "x"); }
  const Mistakes taken = list.take();
  ASSERT_EQ(taken.size(), 201U);
  EXPECT_EQ(taken.back().text, "and 5 more warnings");
  EXPECT_EQ(taken.back().place.text(), "a.yaml");
}

TEST(MistakeList, SpeaksOfSomeNodesOnce) {
  YamlNode item = node_at(2, 1);
  YamlNode list_node = node_at(1, 1);
  list_node.kind = YamlNode::Kind::list;
  list_node.items = {&item, &item};
  MistakeList list("a.yaml");
  list.say_once(list_node);
  list.add(item, "first");
  list.add(item, "again");
  const YamlNode other = node_at(3, 1);
  list.add(other, "other");
  list.add(other, "other, again");
  EXPECT_THAT(texts_of(list.take()), ElementsAre("2:1: first", "3:1: other", "3:1: other, again"));
}

TEST(Whereabouts, NameTheFileOnlyWhereItIsAnother) {
  const policy::Place place{.file = "a.yaml", .line = 7, .column = 3};
  EXPECT_EQ(whereabouts(place, "a.yaml"), "in line 7");
  EXPECT_EQ(whereabouts(place, "b.yaml"), "in a.yaml:7");
}

}  // namespace
}  // namespace bascule::config
