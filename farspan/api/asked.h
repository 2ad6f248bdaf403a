// SPDX-License-Identifier: Apache-2.0
// Asked: one request that is being answered on a pool, seen from the connection that waits for it.
//
//   connection (strand)                  pool
//   ask() ── post ─────────────────────▶ Rest::answer(request, stop)
//   waits on the bell                         │
//      ├─ answered  ◀── rings ────────────────┘
//      ├─ deadline ── stop ──▶ 503
//      ├─ client gone ── stop ──▶ nobody is told
//      └─ the program ends ── stop
//
// Who waits and who works share it; the last one to let go ends it. A question that nobody waits
// for when its turn comes is not begun; a change is made all the same. Inside this folder only.
//
// Threads: the strand of the connection; answer() is set by the pool before it rings.
#pragma once

#include <poll.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>
#include <optional>
#include <stop_token>
#include <variant>

#include "farspan/api/work.h"
#include "farspan/api/work_pool.h"

namespace farspan::api {

/// Where requests are worked on, and what ends all of them.
struct Workers {
  static constexpr int kQuestions = 4, kChanges = 2;
  static constexpr int kNiceOfQuestions = 5;

  WorkPool questions{kQuestions, kNiceOfQuestions};
  WorkPool changes{kChanges, 0};
  std::stop_source ending;
};

struct Asked {
  explicit Asked(const boost::asio::any_io_executor& executor) : bell(executor) {}

  boost::asio::steady_timer bell;
  std::stop_source stop;
  std::variant<Answer, Watch> answered;
  bool is_answered = false;     // on the strand
  bool is_client_gone = false;  // on the strand
};

/// What became of a request; nothing: the client went away, or the program ends.
using Answered = std::optional<std::variant<Answer, Watch>>;

/// Calls `gone` on the socket's executor when the peer closes it. Ends by itself, or with
/// socket.cancel(). A peer that only says that it sends no more still waits for its answer where
/// the socket can tell the two apart (Unix sockets, poll(2) POLLHUP).
template <class Socket>
void when_peer_closes(Socket& socket, bool is_half_close_known, std::function<void()> gone) {
  socket.async_wait(Socket::wait_read, [&socket, is_half_close_known, gone = std::move(gone)](
                                           const boost::system::error_code& failure) {
    if (failure) return;
    pollfd end{socket.native_handle(), POLLRDHUP, 0};
    ::poll(&end, 1, 0);
    const short closed = POLLHUP | POLLERR;
    if ((end.revents & (is_half_close_known ? closed : closed | POLLRDHUP)) != 0) gone();
  });
}

/// Has `request` answered on the pool of its kind of work.
/// @param socket  whose peer waits; nothing else may wait on it meanwhile
/// @param timeout  after which the answer is that it took too long
template <class Socket>
boost::asio::awaitable<Answered> ask(Socket& socket, bool is_half_close_known, const Rest& rest,
                                     Workers& workers, Request request,
                                     std::chrono::steady_clock::duration timeout) {
  constexpr auto kUse = boost::asio::as_tuple(boost::asio::use_awaitable);
  const Work work = work_of(request);
  if (work == Work::kQuick) co_return rest.answer(request);
  const auto executor = co_await boost::asio::this_coro::executor;
  const auto asked = std::make_shared<Asked>(executor);
  const std::stop_callback ending(workers.ending.get_token(),
                                  [stop = asked->stop]() mutable { stop.request_stop(); });
  request.stop = asked->stop.get_token();
  WorkPool& pool = work == Work::kChange ? workers.changes : workers.questions;
  pool.post([asked, executor, work, &rest, request = std::move(request)] {
    if (work == Work::kQuestion && request.stop.stop_requested()) return;
    asked->answered = rest.answer(request);
    boost::asio::post(executor, [asked] {
      asked->is_answered = true;
      asked->bell.cancel();
    });
  });
  when_peer_closes(socket, is_half_close_known, [asked] {
    asked->is_client_gone = true;
    asked->bell.cancel();
  });
  asked->bell.expires_after(timeout);
  co_await asked->bell.async_wait(kUse);
  boost::system::error_code ignored;
  socket.cancel(ignored);
  if (asked->is_answered) co_return std::move(asked->answered);
  asked->stop.request_stop();
  if (asked->is_client_gone) co_return std::nullopt;
  co_return took_too_long();
}

}  // namespace farspan::api
