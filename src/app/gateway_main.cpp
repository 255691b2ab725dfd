#include "app/gateway_app.hpp"

int main(int argc, char** argv) {
    return diglett::app::run_gateway(argc, argv);
}
