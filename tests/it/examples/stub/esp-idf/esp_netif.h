#include "esp_idf_stub.h"
