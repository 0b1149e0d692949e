// Counts events with qpid-proton C++, settled ahead, four partitions: PORT CA COUNT.
#include <cstdlib>
#include <iostream>
#include <string>

#include <proton/connection.hpp>
#include <proton/connection_options.hpp>
#include <proton/container.hpp>
#include <proton/delivery.hpp>
#include <proton/delivery_mode.hpp>
#include <proton/message.hpp>
#include <proton/messaging_handler.hpp>
#include <proton/receiver_options.hpp>
#include <proton/ssl.hpp>

class counter : public proton::messaging_handler {
    std::string url_;
    std::string ca_;
    unsigned long left_;
    unsigned long bytes_ = 0;

    void on_container_start(proton::container &container) override {
        proton::ssl_client_options ssl(ca_, proton::ssl::VERIFY_PEER_NAME);
        proton::connection_options options;
        options.ssl_client_options(ssl).sasl_allowed_mechs("ANONYMOUS");
        container.connect(url_, options);
    }

    void on_connection_open(proton::connection &connection) override {
        proton::receiver_options options;
        options.credit_window(5000).auto_accept(true).delivery_mode(proton::delivery_mode::AT_MOST_ONCE);
        for (int partition = 0; partition < 4; ++partition) {
            connection.open_receiver("bench/ConsumerGroups/$Default/Partitions/" + std::to_string(partition), options);
        }
    }

    void on_message(proton::delivery &delivery, proton::message &message) override {
        if (left_ == 0) return;
        bytes_ += proton::get<proton::binary>(message.body()).size();
        if (--left_ == 0) {
            std::cout << bytes_ << std::endl;
            delivery.connection().close();
        }
    }

  public:
    counter(const std::string &url, const std::string &ca, unsigned long count) : url_(url), ca_(ca), left_(count) {}
};

int main(int, char **argv) {
    counter handler(std::string("amqps://localhost:") + argv[1], argv[2], std::strtoul(argv[3], nullptr, 10));
    proton::container(handler).run();
}
