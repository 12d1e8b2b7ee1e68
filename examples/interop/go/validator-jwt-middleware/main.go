package main

import (
	"context"
	"log"
	"net/url"
	"os"
	"time"

	"github.com/auth0/go-jwt-middleware/v2/jwks"
	"github.com/auth0/go-jwt-middleware/v2/validator"

	"lanyard/interop/report"
)

func main() {
	issuer, err := url.Parse(os.Getenv("ISSUER"))
	if err != nil {
		log.Fatal(err)
	}
	keys := jwks.NewCachingProvider(issuer, 5*time.Minute)
	validate, err := validator.New(keys.KeyFunc, validator.ES256, issuer.String(), []string{os.Getenv("RESOURCE")})
	if err != nil {
		log.Fatal(err)
	}
	report.Print(func(token string) error {
		_, err := validate.ValidateToken(context.Background(), token)
		return err
	})
}
