// SPDX-License-Identifier: Apache-2.0
// Services that people run, as root and out of Debian's packages: dumped, restored, and asked again.
#include "cedana/base/error.hpp"

#include <iterator>

#include <spdlog/fmt/fmt.h>

#include "system/network.hpp"
#include "system/step_log.hpp"
#include "system/system_fixture.hpp"

namespace cedana::testing {
namespace {

namespace fs = std::filesystem;

class Redis : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        if (!IsSkipped() && !HasFatalFailure())
            require_program("/usr/bin/redis-server", "redis-server");
    }

    [[nodiscard]] std::vector<std::string> argv() const {
        return {"/usr/bin/redis-server",
                "--port",
                std::to_string(port),
                "--bind",
                "127.0.0.1",
                "--dir",
                folder(),
                "--save",
                ""};
    }
    // The server closes the connection after QUIT.
    [[nodiscard]] std::string redis(const std::string& command) const { return ask(port, command + "\r\nQUIT\r\n"); }

    const std::uint16_t port = free_port();
};

TEST_F(Redis, AnswersWithItsDataAfterARestore) {
    const fs::path log = scratch("log");
    Target target(argv(), log);
    wait_for_text(log, "Ready to accept connections");
    ASSERT_EQ(redis("SET animal otter"), "+OK\r\n+OK\r\n");
    const fs::path zip = dump_and_stop(target);
    restore_as(target.pid(), zip);
    EXPECT_EQ(redis("GET animal"), "$5\r\notter\r\n+OK\r\n");
    EXPECT_EQ(redis("SET animal heron"), "+OK\r\n+OK\r\n");
}

TEST_F(Redis, UnderLoadIsDumpedTenTimesInARowAndServesOn) {
    require_program("/usr/bin/redis-benchmark", "redis-tools");
    const auto commands = [&] {
        const std::string field = "total_commands_processed:";
        const std::string statistics = redis("INFO stats");
        return std::stoull(statistics.substr(statistics.find(field) + field.size()));
    };
    const fs::path log = scratch("log");
    const Target target(argv(), log);
    wait_for_text(log, "Ready to accept connections");
    // More than it can do in the time of this test; it ends when a connection breaks.
    const Target load({"/usr/bin/redis-benchmark", "-p", std::to_string(port), "-t", "set", "-n", "1000000000", "-c",
                       "10", "-r", "1000"});
    for (int time = 1; time <= 10; ++time) {
        const auto before = commands();
        const CedanaRun run = dump(target.pid(), {"--leave-running"});
        ASSERT_EQ(run.exit_code, 0) << "dump " << time << ": " << run.err;
        EXPECT_GT(commands(), before);
        ASSERT_TRUE(target.runs() && load.runs()) << "dump " << time;
    }
    EXPECT_EQ(std::distance(fs::directory_iterator(store()), {}), 10);
}

class Nginx : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        if (!IsSkipped() && !HasFatalFailure())
            require_program("/usr/sbin/nginx", "nginx");
    }

    // A master and two workers; all as root, since without CAP_SYS_RESOURCE CRIU cannot dump other users' processes.
    [[nodiscard]] std::vector<std::string> argv() const {
        write_text(folder() / "www" / "index.html", "a page\n");
        write_text(folder() / "nginx.conf",
                   fmt::format("user root; daemon off; worker_processes 2; pid {0}/pid; error_log {0}/log notice;\n"
                               "events {{ worker_connections 64; }}\n"
                               "http {{ access_log {0}/access; client_body_temp_path {0}/t1; proxy_temp_path {0}/t2;\n"
                               "fastcgi_temp_path {0}/t3; uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5;\n"
                               "server {{ listen 127.0.0.1:{1}; root {0}/www; }} }}\n",
                               folder().string(), port));
        return {"/usr/sbin/nginx", "-c", folder() / "nginx.conf", "-e", folder() / "log"};
    }

    const std::uint16_t port = free_port();
};

TEST_F(Nginx, ServesAfterARestore) {
    Target target(argv());
    wait_for_text(folder() / "log", "start worker process ");
    ASSERT_TRUE(holds(http_get(port, "/"), "a page"));
    const fs::path zip = dump_and_stop(target);
    restore_as(target.pid(), zip);
    EXPECT_TRUE(holds(http_get(port, "/"), "a page"));
    EXPECT_TRUE(holds(http_get(port, "/none"), "404"));
}

TEST_F(Nginx, AnswersOnAConnectionThatWasKeptOverARestore) {
    const std::string request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
    Target target(argv());
    wait_for_text(folder() / "log", "start worker process ");
    const Connection connection(port);
    connection.send(request);
    ASSERT_TRUE(holds(connection.receive_until("a page\n"), "keep-alive"));
    const fs::path zip = dump_and_stop(target);
    // What is sent meanwhile must neither be answered by the kernel nor get lost.
    connection.send(request);
    restore_as(target.pid(), zip);
    EXPECT_TRUE(holds(connection.receive_until("a page\n"), "200 OK"));
}

class Notebook : public System {
  protected:
    void SetUp() override {
        System::SetUp();
        if (!IsSkipped() && !HasFatalFailure())
            require_program("/usr/bin/jupyter-notebook", "jupyter-notebook");
    }

    // Without a token, since a test's requests come from nobody's browser.
    [[nodiscard]] std::vector<std::string> argv() const {
        write_text(options.home / ".jupyter" / "jupyter_notebook_config.py", "c.NotebookApp.token = ''\n");
        return {"/usr/bin/env",     "-C",
                options.home,       "HOME=" + options.home.string(),
                "/usr/bin/python3", "/usr/bin/jupyter-notebook",
                "--port",           std::to_string(port),
                "--allow-root",     "--no-browser"};
    }
    // A helper's output: notebook.py start PORT, notebook.py run CONNECTION_FILE CODE.
    [[nodiscard]] std::string notebook(const std::vector<std::string>& arguments) const {
        std::vector<std::string> argv = {"/usr/bin/python3", script("notebook.py")};
        argv.insert(argv.end(), arguments.begin(), arguments.end());
        const Captured ended = run_captured({.argv = std::move(argv)}, k_wait_limit);
        EXPECT_TRUE(ended.status.success()) << ended.err;
        return ended.out;
    }
    [[nodiscard]] std::string run_in_kernel(const std::string& kernel, const std::string& code) const {
        return notebook({"run", options.home / ".local/share/jupyter/runtime" / ("kernel-" + kernel + ".json"), code});
    }

    const std::uint16_t port = free_port();
};

TEST_F(Notebook, IsFoundByItsNameAndItsKernelKeepsItsVariablesOverARestore) {
    const fs::path log = scratch("log");
    Target target(argv(), log);
    wait_for_text(log, "is running at");
    const std::string kernel = only_line(notebook({"start", std::to_string(port)}));
    ASSERT_EQ(run_in_kernel(kernel, "animal = 'otter'"), "");
    const CedanaRun dumped = run_cedana({"client", "dump", "-n", "jupyter notebook", "-d", store(), "--stop"}, options);
    ASSERT_EQ(dumped.exit_code, 0) << dumped.err;
    target.wait_end();
    reap_all();
    restore_as(target.pid(), only_line(dumped.out));
    EXPECT_TRUE(holds(http_get(port, "/api"), "\"version\""));
    EXPECT_TRUE(holds(http_get(port, "/api/kernels"), kernel));
    EXPECT_EQ(run_in_kernel(kernel, "print(animal * 2)"), "otterotter\n");
}

} // namespace
} // namespace cedana::testing
