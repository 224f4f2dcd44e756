// Tables of targets, in the syntax of websockify's token files: one "key: host:port" a line.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/policy/endpoint.hpp"

namespace bascule::policy {

class Table {
 public:
  // A line that could not be read; the others hold.
  struct Complaint {
    std::string file;
    int line = 0;
    std::string text;
  };

  // Adds the lines of one file. `#` begins a comment line; blank lines, CRLF, a byte order mark and spaces around key
  // and target do not count; the key ends at the first colon that is followed by white space. Targets: "host:port",
  // "[::1]:5900", "::1:5900", "unix_socket:/path", "unix:/path". A key that stands there twice: the later one holds.
  // A file of more than `bytes_max` is one complaint.
  void add(std::string_view text, const std::string& file);

  const Endpoint* find(const std::string& key) const;
  std::size_t size() const { return entries_.size(); }
  const std::vector<Complaint>& complaints() const { return complaints_; }  // at most 100

  static constexpr std::size_t bytes_max = std::size_t{64} * 1024 * 1024;

 private:
  std::map<std::string, Endpoint, std::less<>> entries_;
  std::vector<Complaint> complaints_;
};

// A table that is read again when its files change. The rules hold the source, a judgement takes what is current.
// May be used from any thread.
class TableSource {
 public:
  explicit TableSource(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }  // a file, or a folder of them
  std::shared_ptr<const Table> current() const;
  void put(std::shared_ptr<const Table> table);

 private:
  const std::string path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Table> table_ = std::make_shared<const Table>();
};

}  // namespace bascule::policy
