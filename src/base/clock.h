#pragma once

// Time comes from an injected Clock, so that tests move it by hand (design.md section 3.8). Wall time is for
// people and signatures; elapsed time (CLOCK_BOOTTIME, which suspends cannot stop) is what irreversible acts
// count with.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace entrepot {

/// Microseconds since 1970-01-01T00:00:00Z. The unit in which every table keeps time.
struct Timestamp {
  std::int64_t micros = 0;

  double seconds() const { return static_cast<double>(micros) / 1e6; }
  friend auto operator<=>(const Timestamp&, const Timestamp&) = default;
  friend Timestamp operator+(Timestamp t, std::chrono::microseconds d) { return {t.micros + d.count()}; }
  friend Timestamp operator-(Timestamp t, std::chrono::microseconds d) { return {t.micros - d.count()}; }
  friend std::chrono::microseconds operator-(Timestamp a, Timestamp b) {
    return std::chrono::microseconds(a.micros - b.micros);
  }
};

/// Safe from any thread.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp Now() const = 0;
  /// Since an arbitrary origin; never goes back.
  virtual std::chrono::microseconds Elapsed() const = 0;
};

class SystemClock final : public Clock {
 public:
  Timestamp Now() const override;
  std::chrono::microseconds Elapsed() const override;
};

/// Stands still until a test moves it.
class ManualClock final : public Clock {
 public:
  explicit ManualClock(Timestamp now = {1'700'000'000'000'000}) : now_(now.micros) {}
  Timestamp Now() const override { return {now_.load()}; }
  std::chrono::microseconds Elapsed() const override { return std::chrono::microseconds(elapsed_.load()); }
  void Advance(std::chrono::microseconds by) { now_ += by.count(), elapsed_ += by.count(); }
  /// Moves wall time alone, as an administrator or NTP does.
  void StepWall(std::chrono::microseconds by) { now_ += by.count(); }

 private:
  std::atomic<std::int64_t> now_;
  std::atomic<std::int64_t> elapsed_{0};
};

/// 20150830T123600Z, as SigV4 writes it.
std::string ToBasicIso8601(Timestamp time);
/// 2015-08-30T12:36:00Z, as XML answers and logs write it.
std::string ToIso8601(Timestamp time);
/// Exactly YYYYMMDD'T'HHMMSS'Z' with a date that exists; false otherwise.
bool FromBasicIso8601(std::string_view text, Timestamp& time);
/// Sun, 06 Nov 1994 08:49:37 GMT (RFC 9110 5.6.7).
std::string ToHttpDate(Timestamp time);

}  // namespace entrepot
