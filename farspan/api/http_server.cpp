// SPDX-License-Identifier: Apache-2.0
#include "farspan/api/http_server.h"

#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "farspan/api/http_session.h"
#include "farspan/api/recognise.h"
#include "farspan/base/message_socket.h"
#include "farspan/net/address.h"

namespace farspan::api {

namespace {

constexpr int kThreads = 4;
constexpr long kMaxConnections = 256;  // of one listener

// The connections of one listener. Each has seats of its own, at most a quarter of the process's
// descriptors: whoever takes all of HTTPS takes nothing from the Unix socket or the nodes.
//
// When all are taken, the oldest connection that has not shown the token is closed for the next: a
// client with the token needs its seat as a stranger for a moment only, whoever just holds
// connections open loses them.
class Seats {
 public:
  class Seat {
   public:
    Seat(Seats& seats, asio::any_io_executor strand) : seats_(seats), strand_(std::move(strand)) {
      ++seats_.taken_;
    }
    ~Seat() {
      is_known();
      --seats_.taken_;
    }
    Seat(const Seat&) = delete;
    Seat& operator=(const Seat&) = delete;

    /// Lets the seat be taken away: `close` will be called on the strand while the seat is there.
    void is_stranger(std::function<void()> close) {
      const std::lock_guard lock(seats_.mutex_);
      close_ = std::make_shared<std::function<void()>>(std::move(close));
      place_ = seats_.strangers_.insert(seats_.strangers_.end(), this);
    }
    /// It showed the token, or is about to end. On the strand, like is_stranger().
    void is_known() {
      const std::lock_guard lock(seats_.mutex_);
      close_.reset();
      if (place_) seats_.strangers_.erase(*place_);
      place_.reset();
    }

   private:
    friend class Seats;
    Seats& seats_;
    const asio::any_io_executor strand_;
    std::shared_ptr<std::function<void()>> close_;
    std::optional<std::list<Seat*>::iterator> place_;
  };

  /// A seat until it is destroyed; null when all are taken by connections that showed the token.
  std::unique_ptr<Seat> take(const asio::any_io_executor& strand) {
    if (taken_ >= most() && (!make_room() || taken_ >= most() + kLeaving)) return nullptr;
    return std::make_unique<Seat>(*this, strand);
  }

 private:
  static constexpr long kLeaving = 16;  // told to close, and not closed yet

  static long most() {
    rlimit descriptors{};
    if (::getrlimit(RLIMIT_NOFILE, &descriptors) != 0) return kMaxConnections;
    return std::min(kMaxConnections, static_cast<long>(descriptors.rlim_cur / 4));
  }

  bool make_room() {
    const std::lock_guard lock(mutex_);
    if (strangers_.empty()) return false;
    Seat& oldest = *strangers_.front();
    strangers_.pop_front();
    oldest.place_.reset();
    asio::post(oldest.strand_, [close = std::weak_ptr(oldest.close_)] {
      if (const auto call = close.lock()) (*call)();  // on the strand that would end it
    });
    return true;
  }

  std::atomic<long> taken_ = 0;
  std::mutex mutex_;
  std::list<Seat*> strangers_;  // oldest first
};

using SeatTaken = std::unique_ptr<Seats::Seat>;

struct Shared {
  const Rest& rest;
  Workers& workers;
  asio::ssl::context tls{asio::ssl::context::tls_server};
  Seats unix_seats, tls_seats;
  RefusedTokens refused;
};

asio::awaitable<void> serve(asio::local::stream_protocol::socket socket, Shared& shared,
                            SeatTaken seat) {
  const controller::Principal local = local_admin(socket.native_handle());
  const Recognise recognise = [&local](std::string_view) { return local; };
  UnixStream stream(std::move(socket));
  co_await serve_http(stream, shared.rest, shared.workers, recognise);
  seat.reset();
}

asio::awaitable<void> serve(asio::ip::tcp::socket socket, Shared& shared, SeatTaken seat) {
  boost::system::error_code ignored;
  const auto peer = socket.remote_endpoint(ignored);
  const std::string from = peer.address().to_string();
  TlsStream stream(boost::beast::tcp_stream(std::move(socket)), shared.tls);
  boost::beast::get_lowest_layer(stream).expires_after(HttpLimits::kHandshake);
  seat->is_stranger([&stream] { boost::beast::get_lowest_layer(stream).close(); });
  const auto [failure] = co_await stream.async_handshake(asio::ssl::stream_base::server, kUse);
  if (failure) {
    seat.reset();  // before the stream
    co_return;
  }
  const Recognise recognise = [&](std::string_view authorization) {
    auto bearer = bearer_of(authorization, from, shared.rest.controller().tokens());
    if (bearer)
      seat->is_known();
    else
      shared.refused.say(from);
    return bearer;
  };
  co_await serve_http(stream, shared.rest, shared.workers, recognise);
  boost::beast::get_lowest_layer(stream).expires_after(HttpLimits::kRequest);
  co_await stream.async_shutdown(kUse);
  seat.reset();
}

template <class Acceptor>
asio::awaitable<void> accept_forever(Acceptor& acceptor, Shared& shared, Seats& seats) {
  const auto executor = co_await asio::this_coro::executor;
  for (;;) {
    auto [failure, socket] = co_await acceptor.async_accept(asio::make_strand(executor), kUse);
    if (failure == asio::error::operation_aborted) co_return;
    if (failure) {
      // Out of descriptors: accepting again at once would only spin.
      asio::steady_timer pause(executor, std::chrono::milliseconds(50));
      co_await pause.async_wait(kUse);
      continue;
    }
    auto seat = seats.take(socket.get_executor());
    if (seat == nullptr) continue;  // and the connection is closed
    const auto strand = socket.get_executor();
    asio::co_spawn(strand, serve(std::move(socket), shared, std::move(seat)), asio::detached);
  }
}

Result<asio::ip::tcp::endpoint> endpoint_of(const std::string& text) {
  const size_t colon = text.rfind(':');
  std::string host = colon == std::string::npos ? "" : text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  boost::system::error_code failure;
  const auto address = asio::ip::make_address(host, failure);
  const unsigned long port =
      colon == std::string::npos ? 0 : std::strtoul(text.c_str() + colon + 1, nullptr, 10);
  if (failure || port == 0 || port > 65535)
    return Error{ErrorCode::kInvalid, "controller", "--api-listen", text + " is not ADDRESS:PORT",
                 "write it like 127.0.0.1:8443"};
  return asio::ip::tcp::endpoint(address, static_cast<uint16_t>(port));
}

}  // namespace

namespace {

// The file of the socket that was bound at a path: removed at the end, unless another program has
// put its own there.
class BoundPath {
 public:
  explicit BoundPath(std::string path) : path_(std::move(path)) {
    is_known_ = ::lstat(path_.c_str(), &file_) == 0;
  }
  ~BoundPath() {
    struct stat now {};
    if (is_known_ && ::lstat(path_.c_str(), &now) == 0 && now.st_dev == file_.st_dev &&
        now.st_ino == file_.st_ino)
      ::unlink(path_.c_str());
  }
  BoundPath(const BoundPath&) = delete;
  BoundPath& operator=(const BoundPath&) = delete;

 private:
  const std::string path_;
  bool is_known_ = false;
  struct stat file_ {};
};

}  // namespace

struct HttpServer::Running {
  explicit Running(const Rest& rest, const HttpOptions& options)
      : shared{rest, workers, asio::ssl::context(asio::ssl::context::tls_server), {}, {}, {}},
        socket_path(options.socket_path) {}
  ~Running() { close(); }

  // Nobody is served any more, and what is worked on is asked to end.
  void close() {
    workers.ending.request_stop();
    io.stop();
    for (auto& thread : threads) thread.join();
    threads.clear();
    bound.reset();
  }

  Status listen_unix_socket();
  Status listen_tls(const HttpOptions& options);

  Shared shared;
  std::string socket_path;
  asio::io_context io{kThreads};
  asio::local::stream_protocol::acceptor unix_acceptor{io};
  asio::ip::tcp::acceptor tcp_acceptor{io};
  std::optional<BoundPath> bound;
  std::vector<std::thread> threads;
  Workers workers;  // last: its jobs end before the connections that they answer
};

Status HttpServer::Running::listen_unix_socket() {
  auto fd = listen_unix(socket_path, 0600, SOCK_STREAM);
  if (!fd) return fd.error();
  bound.emplace(socket_path);
  boost::system::error_code failure;
  unix_acceptor.assign(asio::local::stream_protocol(), fd->get(), failure);
  if (failure)
    return Error{ErrorCode::kUnavailable, "controller", "--api-socket", failure.message(),
                 "choose another path"};
  (void)fd->release();
  asio::co_spawn(io, accept_forever(unix_acceptor, shared, shared.unix_seats), asio::detached);
  return ok();
}

Status HttpServer::Running::listen_tls(const HttpOptions& options) {
  const auto endpoint = endpoint_of(options.listen);
  if (!endpoint) return endpoint.error();
  boost::system::error_code failure;
  shared.tls.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, failure);
  if (!failure) shared.tls.use_certificate_chain(asio::buffer(options.certificate_pem), failure);
  if (!failure)
    shared.tls.use_private_key(asio::buffer(options.key_pem), asio::ssl::context::pem, failure);
  if (!failure) tcp_acceptor.open(endpoint->protocol(), failure);
  if (!failure) tcp_acceptor.set_option(asio::socket_base::reuse_address(true), failure);
  if (!failure) tcp_acceptor.bind(*endpoint, failure);
  if (!failure) tcp_acceptor.listen(asio::socket_base::max_listen_connections, failure);
  if (failure)
    return Error{ErrorCode::kUnavailable, "controller", "--api-listen",
                 options.listen + ": " + failure.message(),
                 "choose an address of this machine and a free port"};
  asio::co_spawn(io, accept_forever(tcp_acceptor, shared, shared.tls_seats), asio::detached);
  return ok();
}

HttpServer::HttpServer(std::unique_ptr<Running> running) : running_(std::move(running)) {}
HttpServer::~HttpServer() = default;

bool HttpServer::stop(std::chrono::milliseconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  running_->close();
  return running_->workers.questions.is_idle_by(deadline) &&
         running_->workers.changes.is_idle_by(deadline);
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(const HttpOptions& options,
                                                      const Rest& rest) {
  auto running = std::make_unique<Running>(rest, options);
  if (const auto done = running->listen_unix_socket(); !done) return done.error();
  if (!options.listen.empty())
    if (const auto done = running->listen_tls(options); !done) return done.error();
  for (int i = 0; i < kThreads; ++i)
    running->threads.emplace_back([io = &running->io] { io->run(); });
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(running)));
}

}  // namespace farspan::api
