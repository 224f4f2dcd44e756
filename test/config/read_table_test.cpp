// Tables of targets, from their files.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "proxy/config/read_table.hpp"
#include "test/config/reading.hpp"

namespace bascule::config {
namespace {

using testing::ElementsAre;

TEST(ReadTable, ReadsAFile) {
  const TemporaryFolder folder;
  const auto table = read_table(folder.write("tokens", "red: red.lan:5900\r\n\n# x\nblue: [::1]:5901\n"));
  ASSERT_TRUE(table.ok()) << table.error();
  EXPECT_EQ(table->size(), 2U);
  EXPECT_EQ(table->find("blue")->text(), "[::1]:5901");
  EXPECT_TRUE(table->complaints().empty());
}

TEST(ReadTable, ReadsTheFilesOfAFolderInTheOrderOfTheirNames) {
  const TemporaryFolder folder;
  folder.write("b", "red: second:1\n");
  folder.write("a", "red: first:1\nblue: blue:1\n");
  folder.write(".b.swp", "red: hidden:1\n");
  folder.write("deeper/c", "red: deeper:1\n");
  std::filesystem::create_symlink(folder.path() / "gone", folder.path() / "link");
  const auto table = read_table(folder.text());
  ASSERT_TRUE(table.ok()) << table.error();
  EXPECT_EQ(table->size(), 2U);
  EXPECT_EQ(table->find("red")->host, "second");
}

TEST(ReadTable, TakesAnEmptyFolderForAnEmptyTable) {
  const TemporaryFolder folder;
  const auto table = read_table(folder.text());
  ASSERT_TRUE(table.ok()) << table.error();
  EXPECT_EQ(table->size(), 0U);
}

TEST(ReadTable, NamesFileAndLineOfWhatCannotBeRead) {
  const TemporaryFolder folder;
  const std::string file = folder.write("tokens", "red: red:1\nno target here\n");
  const auto table = read_table(folder.text());
  ASSERT_TRUE(table.ok()) << table.error();
  ASSERT_EQ(table->complaints().size(), 1U);
  EXPECT_EQ(table->complaints()[0].file, file);
  EXPECT_EQ(table->complaints()[0].line, 2);
}

TEST(ReadTable, SaysWhyThereIsNone) {
  const TemporaryFolder folder;
  const auto missing = read_table(folder.text() + "/missing");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error(), "there is no '" + folder.text() + "/missing'");
  const auto device = read_table("/dev/zero");
  ASSERT_FALSE(device.ok());
  EXPECT_EQ(device.error(), "'/dev/zero' is neither a file nor a folder");
}

// Not an empty one: that would send away everybody whom the last one led.
TEST(ReadTable, GivesNoneWhereAFileIsTooLarge) {
  const TemporaryFolder folder;
  folder.write("a", "red: red:1\n");
  std::filesystem::resize_file(folder.write("b", "blue: blue:1\n"), policy::Table::bytes_max + 1);
  const auto table = read_table(folder.text());
  ASSERT_FALSE(table.ok());
  EXPECT_EQ(table.error(), "'" + folder.text() + "/b' has more than 64MiB; a table is not that large");
}

}  // namespace
}  // namespace bascule::config
