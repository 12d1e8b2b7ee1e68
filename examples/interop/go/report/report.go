// Package report prints which of the tokens in TOKENS a validator accepts, for `npm run interop`.
package report

import (
	"encoding/json"
	"fmt"
	"os"
)

func Print(validate func(token string) error) {
	var tokens map[string]string
	if err := json.Unmarshal([]byte(os.Getenv("TOKENS")), &tokens); err != nil {
		panic(err)
	}
	outcomes := map[string]string{}
	for name, token := range tokens {
		outcomes[name] = "accepted"
		if validate(token) != nil {
			outcomes[name] = "refused"
		}
	}
	text, _ := json.Marshal(outcomes)
	fmt.Println(string(text))
}
