// Tables of targets, in the syntax of websockify's token files: one "key: host:port" a line.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/base/source.hpp"
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
  // By the digest of the key: a key is as good as a password, so it is not kept, and how long looking for it takes says
  // nothing about how much of it is right.
  std::map<std::string, Endpoint, std::less<>> entries_;
  std::vector<Complaint> complaints_;
};

using TableSource = Source<Table>;

}  // namespace bascule::policy
