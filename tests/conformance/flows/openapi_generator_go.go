// The flow with openapi-generator's go client.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"regexp"
	"strings"
	"time"

	"rowhouse.example/flow/client"
)

const password = "brass lamps and woollen rugs"
const products = "sku,name,price_minor\nLMP-1,Brass lamp,4900\nLMP-2,Oak lamp,5900\nRUG-1,Wool rug,19900\n"

var email = os.Getenv("ROWHOUSE_EMAIL")

// A letter appears in the terminal of `rowhouse dev` when it has left, which is after the answer.
func tokenOfLetter() string {
	ours := regexp.MustCompile(`(?s)To: ` + regexp.QuoteMeta(email) + `.*?#token=(\S+)`)
	for range 100 {
		letters := must(os.ReadFile(os.Getenv("ROWHOUSE_LETTERS")))
		if found := ours.FindSubmatch(letters); found != nil {
			return string(found[1])
		}
		time.Sleep(100 * time.Millisecond)
	}
	log.Fatalf("no letter to %s", email)
	return ""
}

func must[T any](value T, err error) T {
	good(err)
	return value
}

func good(err error) {
	if err == nil {
		return
	}
	if answer, is := err.(*client.GenericOpenAPIError); is {
		log.Fatalf("%v: %s", err, answer.Body())
	}
	log.Fatal(err)
}

// The problem document of a call that has to be refused.
func refused(err error) client.Problem {
	var problem client.Problem
	answer, is := err.(*client.GenericOpenAPIError)
	if !is {
		log.Fatalf("it was not refused: %v", err)
	}
	good(json.Unmarshal(answer.Body(), &problem))
	return problem
}

func check(holds bool, what any) {
	if !holds {
		log.Fatalf("not as it should be: %+v", what)
	}
}

func main() {
	log.SetFlags(log.Lshortfile)
	config := client.NewConfiguration()
	config.Servers = client.ServerConfigurations{{URL: os.Getenv("ROWHOUSE_URL")}}
	api := client.NewAPIClient(config)
	ctx := context.Background()
	signIn := func() *client.SessionAnswer {
		session, _, err := api.AuthAPI.AuthLogin(ctx).Login(*client.NewLogin(email, password)).Execute()
		return must(session, err)
	}

	account := client.NewSignUp(email, "Flo", password)
	account.SetOrganization("Flow")
	_, err := api.AuthAPI.AuthSignup(ctx).SignUp(*account).Execute()
	good(err)
	_, err = api.AuthAPI.AuthVerifyEmail(ctx).LinkToken(*client.NewLinkToken(tokenOfLetter())).Execute()
	good(err)
	session := signIn()
	ctx = context.WithValue(ctx, client.ContextAccessToken, session.GetAccessToken())
	fmt.Println("signed up, verified, signed in to", session.GetTenantId())

	var made []client.Project
	create := func(name string) (*client.Project, error) {
		project, _, err := api.ProjectsAPI.ProjectsCreate(ctx).ProjectCreate(*client.NewProjectCreate(name)).Execute()
		return project, err
	}
	for number := range 5 {
		made = append(made, *must(create(fmt.Sprintf("Project %d", number))))
	}
	_, err = create("Project 0")
	conflict := refused(err)
	check(conflict.Code == "conflict" && conflict.Errors[0].GetPointer() == "/name", conflict)
	fmt.Printf("created %d projects; one more of the same name is a %s at %s\n", len(made), conflict.Code, conflict.Errors[0].GetPointer())

	seen, pages, cursor := 0, 0, ""
	for more := true; more; more = cursor != "" {
		page, _, err := api.ProjectsAPI.ProjectsList(ctx).Limit(2).Sort(client.SORT_NAME).Cursor(cursor).Execute()
		for _, project := range must(page, err).Items {
			check(project.Name == made[seen].Name, project)
			seen++
		}
		pages, cursor = pages+1, page.GetNextCursor()
	}
	check(seen == 5, seen)
	fmt.Printf("paged through %d in %d pages\n", seen, pages)

	_, answer, err := api.ProjectsAPI.ProjectsGet(ctx, made[0].Id).Execute()
	good(err)
	patch := client.NewProjectPatch()
	patch.SetStatus(client.PROJECTSTATUS_PAUSED)
	patch.SetDescriptionNil()
	update := api.ProjectsAPI.ProjectsUpdate(ctx, made[0].Id).IfMatch(answer.Header.Get("ETag")).ProjectPatch(*patch)
	changed, _, err := update.Execute()
	check(must(changed, err).Status == client.PROJECTSTATUS_PAUSED, changed)
	_, _, err = update.Execute()
	stale := refused(err)
	check(stale.Code == "precondition_failed", stale)
	fmt.Println("updated with its ETag; with the old one it is", stale.Code)

	counted, _, err := api.ProjectsAPI.ProjectsList(ctx).Limit(1).Prefer("count=exact").Execute()
	check(must(counted, err).GetTotal() == 5 && counted.GetTotalIs() == client.TOTALIS_EXACT, counted)
	fmt.Println("counted", counted.GetTotal())

	file := must(os.CreateTemp("", "products-*.csv"))
	defer os.Remove(file.Name())
	must(file.WriteString(products))
	must(file.Seek(0, 0))
	operation, _, err := api.ProductsAPI.ProductsImport(ctx).Body(file).Format(client.FILEFORMAT_CSV).Execute()
	for must(operation, err).Status == client.OPERATIONSTATUS_QUEUED || operation.Status == client.OPERATIONSTATUS_RUNNING {
		time.Sleep(100 * time.Millisecond)
		operation, _, err = api.OperationsAPI.OperationsGet(ctx, operation.Id).Execute()
	}
	check(operation.Status == client.OPERATIONSTATUS_SUCCEEDED && operation.Result["created"] == 3.0, operation)
	fmt.Println("imported", operation.Result["created"], "products")

	found, _, err := api.ProductsAPI.ProductsSearch(ctx).Q("lamp").Execute()
	check(len(must(found, err).Items) == 2, found)
	fmt.Println("searched:", len(found.Items), "lamps")

	exported, _, err := api.ProductsAPI.ProductsExport(ctx).Format(client.FILEFORMAT_CSV).Execute()
	lines := strings.Split(strings.TrimSpace(must(exported, err)), "\r\n")
	check(len(lines) == 4, lines)
	fmt.Println("exported", len(lines)-1, "products as CSV")

	_, _, err = api.TenantsAPI.TenantsCreate(ctx).TenantCreate(*client.NewTenantCreate("Second")).Execute()
	good(err)
	check(signIn().GetTenantId() == session.GetTenantId(), session)
	fmt.Println("signed in again, to the same of two tenants")
}
