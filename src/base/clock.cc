#include "base/clock.h"

#include <algorithm>
#include <time.h>

#include <fmt/format.h>

namespace entrepot {
namespace {

std::chrono::microseconds Read(clockid_t id) {
  timespec spec{};
  ::clock_gettime(id, &spec);
  return std::chrono::seconds(spec.tv_sec) + std::chrono::microseconds(spec.tv_nsec / 1000);
}

struct Parts {
  std::chrono::year_month_day date;
  std::chrono::hh_mm_ss<std::chrono::seconds> time;
  std::chrono::weekday weekday;
};
Parts Split(Timestamp timestamp) {
  const std::chrono::sys_time<std::chrono::microseconds> point{std::chrono::microseconds(timestamp.micros)};
  const auto day = std::chrono::floor<std::chrono::days>(point);
  return {day, std::chrono::hh_mm_ss(std::chrono::floor<std::chrono::seconds>(point - day)),
          std::chrono::weekday(day)};
}
int Year(const Parts& p) { return static_cast<int>(p.date.year()); }
unsigned Month(const Parts& p) { return static_cast<unsigned>(p.date.month()); }
unsigned Day(const Parts& p) { return static_cast<unsigned>(p.date.day()); }

}  // namespace

Timestamp SystemClock::Now() const { return {Read(CLOCK_REALTIME).count()}; }
std::chrono::microseconds SystemClock::Elapsed() const { return Read(CLOCK_BOOTTIME); }

std::string ToBasicIso8601(Timestamp time) {
  const Parts p = Split(time);
  return fmt::format("{:04}{:02}{:02}T{:02}{:02}{:02}Z", Year(p), Month(p), Day(p), p.time.hours().count(),
                     p.time.minutes().count(), p.time.seconds().count());
}

std::string ToIso8601(Timestamp time) {
  const Parts p = Split(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", Year(p), Month(p), Day(p),
                     p.time.hours().count(), p.time.minutes().count(), p.time.seconds().count());
}

bool FromBasicIso8601(std::string_view text, Timestamp& time) {
  constexpr std::string_view kForm = "00000000T000000Z";
  if (text.size() != kForm.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (kForm[i] == '0' ? text[i] < '0' || text[i] > '9' : text[i] != kForm[i]) return false;
  const auto number = [&](std::size_t from, std::size_t length) {
    int value = 0;
    for (const char c : text.substr(from, length)) value = value * 10 + (c - '0');
    return value;
  };
  const std::chrono::year_month_day date{std::chrono::year(number(0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number(4, 2))),
                                         std::chrono::day(static_cast<unsigned>(number(6, 2)))};
  const int hour = number(9, 2), minute = number(11, 2), second = number(13, 2);
  if (!date.ok() || hour > 23 || minute > 59 || second > 59) return false;
  const std::chrono::sys_time<std::chrono::microseconds> point =
      std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
      std::chrono::seconds(second);
  time = {point.time_since_epoch().count()};
  return true;
}

std::string ToHttpDate(Timestamp time) {
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const Parts p = Split(time);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[p.weekday.c_encoding()], Day(p),
                     kMonths[Month(p) - 1], Year(p), p.time.hours().count(), p.time.minutes().count(),
                     p.time.seconds().count());
}

}  // namespace entrepot
