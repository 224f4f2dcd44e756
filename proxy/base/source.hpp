// What is read from a file and read again when the file changes: the rules hold the source, whoever needs the content
// takes what is current. May be used from any thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace bascule {

template <typename T>
class Source {
 public:
  explicit Source(std::string path) : Source(std::move(path), std::make_shared<const T>()) {}
  Source(std::string path, std::shared_ptr<const T> content) : path_(std::move(path)), content_(std::move(content)) {}

  const std::string& path() const { return path_; }

  std::shared_ptr<const T> current() const {
    const std::lock_guard lock(mutex_);
    return content_;
  }

  void put(std::shared_ptr<const T> content) {
    const std::lock_guard lock(mutex_);
    content_.swap(content);  // the old one is given up behind the lock: it may be large
  }

 private:
  const std::string path_;
  mutable std::mutex mutex_;
  std::shared_ptr<const T> content_;
};

}  // namespace bascule
