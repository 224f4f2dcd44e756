// A stream that follows a script: what can be read and when, how much can be written and when, and which operation
// fails.
#pragma once

#include <cstddef>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "proxy/base/stream.hpp"

namespace bascule::test {

class ScriptedStream final : public Stream {
 public:
  // --- the script ---

  // Bytes that arrive together: one read gives at most them.
  void arrive(std::string_view bytes) { incoming_.push_back({Io::bytes, std::string(bytes), 0}); }
  void end() { incoming_.push_back({Io::end, {}, 0}); }
  void truncate() { incoming_.push_back({Io::truncated, {}, 0}); }
  void reset(int error) { incoming_.push_back({Io::reset, {}, error}); }

  // How many more bytes may be written before the stream wants to wait.
  void take(std::size_t bytes) { room_ = bytes; }
  void take_all() { room_ = std::numeric_limits<std::size_t>::max(); }
  void take_nothing() { room_ = 0; }

  // Writing fails from now on; reading goes on by the script.
  void fail_writes(int error) { write_error_ = error; }
  // The operation with this number (reads and writes, from 1) and all that follow fail.
  void fail_from_operation(std::size_t number, int error) { fail_from_ = number, fail_error_ = error; }

  void set_unsent(std::size_t bytes) { unsent_ = bytes; }
  void set_broken(int error) { broken_ = error; }
  // The next write is taken, and so much of it does not leave the stream itself before it is let go.
  void hold_next(std::size_t bytes) { hold_next_ = bytes; }
  void hold_at_next_read(std::size_t bytes) { hold_at_read_ = bytes; }
  void let_go() { held_ = 0; }
  void announce_end() { end_announced_ = true; }
  // The next write from a pipe finds no memory.
  void run_out_of_memory() { no_memory_ = true; }
  // It is a socket and nothing else.
  void be_plain() { plain_ = true; }

  // --- what happened ---

  const std::string& written() const { return written_; }
  bool shut() const { return shut_ && held_ == 0; }  // the end stands behind what is held
  bool ended_with_last_bytes() const { return ended_with_last_bytes_; }
  bool aborted() const { return aborted_; }
  std::size_t operations() const { return operations_; }
  bool all_read() const { return incoming_.empty(); }
  std::size_t piped() const { return piped_; }  // bytes that went into a pipe or came out of one

  // --- Stream ---

  IoResult read(MutableBytes into) override;
  IoResult write(Bytes from) override;
  IoResult write_last(Bytes from) override;
  bool plain() const override { return plain_; }
  std::size_t read(Pipe& into, std::size_t bytes_max) override;
  IoResult write(Bytes head, Pipe& body) override;
  void unread(Bytes early) override;
  void shutdown_write() override { shut_ = true; }
  void abort() override { aborted_ = true; }
  std::size_t unsent() const override { return unsent_; }
  std::size_t held() const override { return held_; }
  int broken() const override { return broken_; }
  bool end_announced() const override { return end_announced_; }

 private:
  struct Step {
    Io status;
    std::string bytes;
    int error;
  };

  bool fails() { return ++operations_ >= fail_from_; }

  std::deque<Step> incoming_;
  std::string written_;
  std::size_t room_ = std::numeric_limits<std::size_t>::max();
  std::size_t hold_next_ = 0;
  std::size_t hold_at_read_ = 0;
  std::size_t held_ = 0;
  std::size_t unsent_ = 0;
  std::size_t operations_ = 0;
  std::size_t fail_from_ = std::numeric_limits<std::size_t>::max();
  int fail_error_ = 0;
  std::optional<int> write_error_;
  bool shut_ = false;
  bool ended_with_last_bytes_ = false;
  bool aborted_ = false;
  bool end_announced_ = false;
  bool plain_ = false;
  bool no_memory_ = false;
  std::size_t piped_ = 0;
  int broken_ = 0;
};

}  // namespace bascule::test
